/** Numbered lines through a stream whose other end echoes: what comes back is what was sent, in order, until the stream ends. */
import { setTimeout as pause } from "node:timers/promises";
import type { RemoteStream, StreamResult } from "../../sdk/index.ts";

/** Milliseconds between two lines. */
const PACE = 50;
/** Milliseconds: each on the way ends a stream after 30 s of silence, which it looks for every 10 s. */
const SILENCE = 45_000;

/** How a stream may end under faults (docs/streams.md). The other codes say that somebody broke the protocol. */
const ENDS: ReadonlySet<string> = new Set([
  ...["done", "not_running", "refused", "cannot_run", "failed", "node_disconnected"],
  "connection_lost",
]);

export class Echo {
  readonly #what: string;
  readonly #stream: RemoteStream;
  readonly #over: Promise<StreamResult>;
  /** Sent, and not back yet. */
  #awaited = "";
  #lines = 0;
  /** When something came last, or was sent with nothing awaited. */
  #movedAt = Date.now();
  #isLeaving = false;
  #wrong: string | undefined;
  result: StreamResult | undefined;

  /** `what`: the stream's name in problems. */
  constructor(what: string, stream: RemoteStream) {
    this.#what = what;
    this.#stream = stream;
    const talking = this.#talk();
    this.#over = Promise.all([stream.result, this.#listen(), talking]).then(([result]) => {
      this.result = result;
      return result;
    });
  }

  /** Lines that have been sent. */
  get lines(): number {
    return this.#lines;
  }

  /** No more lines; `isEnd`: end of file, after which all that was sent comes back. Else the command is left running. */
  async leave(isEnd: boolean): Promise<void> {
    this.#isLeaving = true;
    if (isEnd) this.#stream.end();
    else this.#stream.close();
    await Promise.race([this.#over, this.#stuck()]);
  }

  /** Resolves once a line that was sent from now on has come back, or the stream is over, or is known to be stuck. */
  async proven(): Promise<void> {
    const from = this.#lines + 1;
    const isBack = () => this.#awaited === "" && this.#lines >= from;
    while (!this.result && !isBack() && !this.#isStuck()) await pause(10);
  }

  /** What is not as it must be. */
  problems(): string[] {
    const found = this.#wrong === undefined ? [] : [this.#wrong];
    if (!this.result && this.#isStuck())
      found.push(`neither moves nor ends for ${SILENCE / 1000} s, ${this.#awaited.length} bytes awaited`);
    const { code, exitCode } = this.result ?? {};
    if (code !== undefined && !ENDS.has(code) && !(code === "client_gone" && this.#isLeaving))
      found.push(`ended with ${code}: ${this.result!.reason}`);
    if (exitCode === 0 && this.#awaited !== "") found.push(`ended without ${this.#awaited.length} bytes`);
    return found.map((each) => `${this.#what}: ${each}`);
  }

  async #talk(): Promise<void> {
    await this.#stream.opened.catch(() => {});
    this.#movedAt = Date.now();
    while (!this.#isLeaving && !this.result) {
      const line = `${++this.#lines}\n`;
      if (this.#awaited === "") this.#movedAt = Date.now();
      this.#awaited += line;
      await this.#stream.write(new TextEncoder().encode(line));
      await Promise.race([pause(PACE), this.#stream.result.then(() => (this.#isLeaving = true))]);
    }
  }

  async #listen(): Promise<void> {
    for await (const { from, bytes } of this.#stream.output()) {
      const text = new TextDecoder().decode(bytes);
      if (from === "stdout" && this.#awaited.startsWith(text))
        this.#awaited = this.#awaited.slice(text.length);
      else
        this.#wrong ??= `${from} ${JSON.stringify(text)} for ${JSON.stringify(this.#awaited.slice(0, 40))}`;
      this.#movedAt = Date.now();
    }
  }

  #isStuck(): boolean {
    return Date.now() - this.#movedAt > SILENCE;
  }

  async #stuck(): Promise<void> {
    while (!this.result && !this.#isStuck()) await pause(100);
  }
}
