/** Prints containers' output: a container's own bytes as they are, each stream on its own. */
import { styleText } from "node:util";
import type { OutputLine } from "../sdk/index.ts";
import { say } from "./print.ts";
import { text } from "./terminal-text.ts";

/** One for each container, in turn. */
const COLORS = [
  "cyan",
  "yellow",
  "green",
  "magenta",
  "blue",
  "cyanBright",
  "yellowBright",
  "greenBright",
] as const;

const WRITE_BYTES = 64 * 1024;
const NEWLINE = Buffer.from("\n");

interface Options {
  timestamps?: boolean;
  /** Where stdout goes. stderr goes to stderr. */
  output?: "stdout" | "stderr";
}

export class LinePrinter {
  readonly #prefixes: Map<string, string>;
  readonly #timestamps: boolean;
  readonly #output: "stdout" | "stderr";
  /** What is not written yet, for one of our streams: a system call for each line would take most of the time. */
  #gathered: Uint8Array[] = [];
  #bytes = 0;
  #target: "stdout" | "stderr" = "stdout";
  #soon: NodeJS.Immediate | undefined;
  /** Resolves when the reader of our output has caught up. */
  #drained: Promise<unknown> | undefined;
  /** Streams in the middle of a line. */
  readonly #open = new Set<string>();

  /** With several hosts each line begins with its host: in colour, where stdout is a terminal. */
  constructor(hosts: readonly string[], { timestamps = false, output = "stdout" }: Options = {}) {
    const width = Math.max(...hosts.map((host) => host.length));
    this.#timestamps = timestamps;
    this.#output = output;
    this.#prefixes = new Map(
      hosts.length === 1
        ? []
        : hosts.map((host, at) => {
            const prefix = `${host.padEnd(width)} | `;
            return [host, styleText(COLORS[at % COLORS.length]!, prefix, { stream: process.stdout })];
          }),
    );
  }

  /** What is printed is written soon, or with {@link flush}. Waits while the reader of our own output is slow. */
  async print({ host, stream, time, bytes, partial = false }: OutputLine): Promise<void> {
    if (stream === "notice") {
      this.freshLine();
      return say(text`${host}: ${new TextDecoder().decode(bytes)}`);
    }
    const key = `${host} ${stream}`;
    const prefix = this.#prefixes.get(host);
    // Lines of several containers mix, so each piece of a long line becomes a line of its own.
    const begins = prefix !== undefined || !this.#open.has(key);
    const ends = prefix !== undefined || !partial;
    const parts: Uint8Array[] = [
      ...(begins && this.#timestamps ? [Buffer.from(`${time} `)] : []),
      ...(begins && prefix !== undefined ? [Buffer.from(prefix)] : []),
      bytes,
      ...(ends ? [NEWLINE] : []),
    ];
    if (ends) this.#open.delete(key);
    else this.#open.add(key);
    this.#gather(stream === "stdout" ? this.#output : stream, parts);
    await this.#drained;
  }

  /** Writes what was printed. */
  flush(): void {
    clearImmediate(this.#soon);
    this.#soon = undefined;
    if (this.#bytes === 0) return;
    const out = process[this.#target];
    const isTaken = out.write(Buffer.concat(this.#gathered));
    [this.#gathered, this.#bytes] = [[], 0];
    if (isTaken) return;
    this.#drained = new Promise((resolve) => out.once("drain", resolve)).finally(() => {
      this.#drained = undefined;
    });
  }

  #gather(target: "stdout" | "stderr", parts: readonly Uint8Array[]): void {
    // On a terminal the order of both counts.
    if (target !== this.#target) this.flush();
    this.#target = target;
    for (const part of parts) {
      this.#gathered.push(part);
      this.#bytes += part.length;
    }
    if (this.#bytes >= WRITE_BYTES) this.flush();
    else this.#soon ??= setImmediate(() => this.flush());
  }

  /** For our own words, which come next on stderr: where output stands in the middle of a line there, they begin another one. */
  freshLine(): void {
    this.flush();
    const isShared = process.stdout.isTTY && process.stderr.isTTY;
    const open = [...this.#open].filter(
      (key) => key.endsWith(" stderr") || this.#output === "stderr" || isShared,
    );
    if (open.length > 0) process.stderr.write("\n");
    for (const key of open) this.#open.delete(key);
  }
}
