/**
 * Credit of one direction of a stream (the idea of yamux's windows). A sender may have as many bytes under way as its window has room. The
 * final receiver grants new credit as it consumes. So a reader that stops reading stops its sender, and nothing between them piles up.
 */

/**
 * What a frame uses of its window besides its data, in bytes. workerd holds about 1,100 bytes for each frame that waits for a slow reader: so many
 * frames of few bytes would fill its memory.
 */
export const FRAME_COST = 256;

/** What a frame with so many bytes of data uses of its window. */
export function costOf(bytes: number): number {
  return bytes + FRAME_COST;
}

/** Most bytes of a stream that may be under way in one direction. */
export const STREAM_WINDOW = 1024 * 1024;
/** Window of a stream in a tunnel that has many. */
export const SMALL_WINDOW = 32 * 1024;
/** Most bytes of all streams of a tunnel that may be under way in one direction. */
export const TUNNEL_BYTES = 16 * 1024 * 1024;
/** Most streams of a tunnel. */
export const TUNNEL_STREAMS = 256;
/** So many streams get the large window; the others get the small one. With all 256 that is 15.75 MiB, below TUNNEL_BYTES. */
export const LARGE_STREAMS = 8;

/** The sender's side. */
export class Credit {
  readonly #window: number;
  #left: number;

  constructor(window: number) {
    this.#window = window;
    this.#left = window;
  }

  /** Bytes of data that a frame may hold now. */
  get room(): number {
    return Math.max(0, this.#left - FRAME_COST);
  }

  /** For a frame with so many bytes of data. False if there is not so much credit. */
  spend(bytes: number): boolean {
    const cost = costOf(bytes);
    if (cost > this.#left) return false;
    this.#left -= cost;
    return true;
  }

  /** False if the receiver grants more than it has got. `bytes`: of the window, as in a `credit` message. */
  grant(bytes: number): boolean {
    if (bytes > this.#window - this.#left) return false;
    this.#left += bytes;
    return true;
  }
}

/** The receiver's side: collects what was consumed, so that not every frame is answered by a grant. */
export class Consumed {
  readonly #step: number;
  #bytes = 0;

  constructor(window: number) {
    this.#step = window / 4;
  }

  /** Bytes to grant now: 0 as long as it is less than a quarter of the window. `bytes`: of the window. */
  add(bytes: number): number {
    this.#bytes += bytes;
    if (this.#bytes < this.#step) return 0;
    const due = this.#bytes;
    this.#bytes = 0;
    return due;
  }
}
