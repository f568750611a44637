/**
 * Memory for frames on their way out. It is used again: at a gigabit per second new memory for each frame would have V8 collect garbage for a
 * third of the time.
 */
import { FRAME_BYTES, TUNNEL_HEADER } from "../../shared/streams/frames.ts";

/** So many pieces are kept for later. */
const MOST_KEPT = 16;
/** Smaller frames get memory of their own. */
const LEAST = 4096;

export class FrameMemory {
  readonly #kept: Uint8Array<ArrayBuffer>[] = [];

  /** For a frame with so many bytes of data; undefined where that is not worth it. */
  take(bytes: number): Uint8Array<ArrayBuffer> | undefined {
    if (bytes < LEAST || bytes > FRAME_BYTES) return undefined;
    return this.#kept.pop() ?? new Uint8Array(TUNNEL_HEADER + FRAME_BYTES);
  }

  /** Nobody reads from it any longer. */
  giveBack(memory: Uint8Array<ArrayBuffer>): void {
    if (this.#kept.length < MOST_KEPT) this.#kept.push(memory);
  }
}
