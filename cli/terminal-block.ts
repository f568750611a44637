/** Lines at the bottom of a terminal that are drawn again in place. */
import { type Inline, text } from "./terminal-text.ts";

const ESC = "\x1b[";
const UP = (lines: number) => (lines === 0 ? "" : `${ESC}${lines}A`);
const CLEAR_BELOW = `${ESC}J`;
/** While it is off, a line that is wider than it seems (it may have wide characters) is cut by the terminal and takes one row. */
const WRAP_OFF = `${ESC}?7l`;
const WRAP_ON = `${ESC}?7h`;

export class TerminalBlock {
  readonly #stream: NodeJS.WriteStream;
  #drawn: string[] = [];

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream;
  }

  /** On that terminal; undefined where it is none. */
  static on(name: "stdout" | "stderr"): TerminalBlock | undefined {
    const stream = process[name];
    return stream.isTTY ? new TerminalBlock(stream) : undefined;
  }

  /** What fits: the cursor stands below the last line. */
  get screen(): { columns: number; rows: number } {
    // A terminal without a size (a serial line) says 0.
    const { columns, rows } = this.#stream;
    return { columns: columns || 80, rows: Math.max(1, (rows || 24) - 1) };
  }

  /** Calls it with each new size. Returns how to stop that. */
  onResize(resized: () => void): () => void {
    this.#stream.on("resize", resized);
    return () => this.#stream.off("resize", resized);
  }

  /** Replaces what was drawn before. Each line is cleaned. */
  draw(lines: readonly Inline[]): void {
    const shown = lines.map((line) => String(text`${line}`));
    if (shown.length === this.#drawn.length && shown.every((line, at) => line === this.#drawn[at])) return;
    const rows = shown.map((line) => `${line}\n`).join("");
    this.#stream.write(`${WRAP_OFF}\r${UP(this.#drawn.length)}${CLEAR_BELOW}${rows}${WRAP_ON}`);
    this.#drawn = shown;
  }

  clear(): void {
    if (this.#drawn.length > 0) this.#stream.write(`\r${UP(this.#drawn.length)}${CLEAR_BELOW}`);
    this.#drawn = [];
  }
}
