/** The keeper of one command: the kit's `keep` in its container. It sends signals, and ends the command when this side is lost. */
import type { Socket } from "node:net";
import type { SIGNALS } from "../../shared/streams/stream-messages.ts";

/** Signals that a keeper has not read yet. A client that sends more of them loses some, as with pending signals of a process. */
const MOST_BYTES = 1024;

export class Keeper {
  readonly #socket: Socket;

  constructor(socket: Socket) {
    this.#socket = socket;
    // Only the command's user can end a keeper. Then nobody sends signals.
    socket.on("error", () => {}).resume();
  }

  /** It has ended before the command. */
  get isGone(): boolean {
    return this.#socket.readableEnded || this.#socket.destroyed;
  }

  /** To the command's process group. */
  signal(name: (typeof SIGNALS)[number]): void {
    if (this.#socket.writableLength < MOST_BYTES) this.#socket.write(`${name}\n`);
  }

  /** The command has ended by itself. */
  async dismiss(): Promise<void> {
    await new Promise<void>((resolve) => this.#socket.end("done\n", () => resolve()));
  }

  /** Nobody minds the command any longer: the keeper ends it, unless it was dismissed. */
  leave(): void {
    this.#socket.destroy();
  }
}
