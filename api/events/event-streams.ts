/** The event streams that an object has open: server-sent events (HTML Living Standard, 9.2), pulled by their readers. */
import { SkeinError } from "../../shared/errors/errors.ts";
import type { HeldToken, TokenWatch } from "../access/token-watch.ts";
import { pulledStream } from "../platform/pulled-stream.ts";
import { Waiters } from "../platform/waiters.ts";
import { EventReader, type EventSource } from "./event-reader.ts";

/** Where a stream begins. */
export interface StreamStart {
  /** After this event. Undefined, or a number that this object never gave: with the oldest that is kept. */
  after?: number | undefined;
  /** Without `after`: with the last so many. */
  tail?: number | undefined;
}

/** Streams of one object. Each holds a connection. */
export const MAX_STREAMS = 1000;

export class EventStreams {
  readonly #storage: DurableObjectStorage;
  readonly #tokens: TokenWatch;
  readonly #source: EventSource;
  readonly #waiters = new Waiters();
  #open = 0;

  constructor(storage: DurableObjectStorage, tokens: TokenWatch, source: EventSource) {
    this.#storage = storage;
    this.#tokens = tokens;
    this.#source = source;
  }

  /** Call after a commit that added events or progress, or that ended the source. */
  wake(): void {
    this.#waiters.check();
  }

  /**
   * A stream that ends with the source, or with the token it was opened with. Undefined: the source is over, and the caller has all of it.
   * @throws SkeinError `too_many_streams`
   */
  open(start: StreamStart, token: HeldToken): ReadableStream<Uint8Array> | undefined {
    const last = this.#source.table.last();
    const cursor = cursorOf(start, last);
    if (cursor >= last && this.#source.isOver()) return undefined;
    if (this.#open >= MAX_STREAMS) {
      throw new SkeinError(
        "too_many_streams",
        `${MAX_STREAMS} event streams are open here: close some of them`,
      );
    }
    this.#open += 1;
    const reader = new EventReader(this.#storage, this.#source, this.#waiters, cursor);
    const unwatch = this.#tokens.watch(token, () => reader.stop());
    // A caller that begins behind older events gets a number to come back with, before there is an event.
    let greeting = start.tail === undefined ? "" : `id: ${cursor}\n\n`;
    return pulledStream({
      async next() {
        const first = greeting;
        greeting = "";
        return first || (await reader.next());
      },
      close: () => {
        reader.stop();
        unwatch();
        this.#open -= 1;
      },
    });
  }
}

function cursorOf({ after, tail }: StreamStart, last: number): number {
  if (after !== undefined && after <= last) return after;
  return tail === undefined ? 0 : Math.max(0, last - tail);
}
