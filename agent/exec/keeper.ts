/** The keeper of one command: the kit's `keep` in its container. It sends signals, and ends the command when this side is lost. */
import type { Socket } from "node:net";
import type { SIGNALS } from "../../shared/streams/stream-messages.ts";

/** Signals that a keeper has not read yet. A client that sends more of them loses some, as with pending signals of a process. */
const MOST_BYTES = 1024;
/** A keeper answers at once, unless somebody in the container has stopped it. */
const PATIENCE_MS = 5_000;

export class Keeper {
  readonly #socket: Socket;
  #hasAnswered = false;

  constructor(socket: Socket) {
    this.#socket = socket;
    // It says nothing before `done`.
    socket.on("data", () => {
      this.#hasAnswered = true;
    });
    // Only the command's user can end a keeper. Then nobody sends signals.
    socket.on("error", () => {});
  }

  /** To the command's process group. */
  signal(name: (typeof SIGNALS)[number]): void {
    if (this.#socket.writableLength < MOST_BYTES) this.#socket.write(`${name}\n`);
  }

  /** The command has ended by itself. Resolves to whether the keeper still ran: else all of the container has ended. */
  async dismiss(): Promise<boolean> {
    const socket = this.#socket;
    await new Promise<void>((resolve) => {
      socket.on("close", resolve).setTimeout(PATIENCE_MS, resolve).end("done\n");
      if (socket.destroyed) resolve();
    });
    return this.#hasAnswered;
  }

  /** Nobody minds the command any longer: the keeper ends it, unless it was dismissed. */
  leave(): void {
    this.#socket.destroy();
  }
}
