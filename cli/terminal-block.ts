/** Lines at the bottom of a terminal that are drawn again in place. */
import { cut, type Inline, type Text, width } from "./terminal-text.ts";

const ESC = "\x1b[";
const CLEAR_LINE = `${ESC}2K`;
const CLEAR_BELOW = `${ESC}J`;
/** While it is off, a line that is wider than it seems (it may have wide characters) is cut by the terminal and takes one row. */
const WRAP_OFF = `${ESC}?7l`;
const WRAP_ON = `${ESC}?7h`;

export class TerminalBlock {
  /** The one that is on the terminal: there is at most one. */
  static #active: TerminalBlock | undefined;

  /** Lines that `write` prints stand above the block, which is drawn again below them. */
  static above(write: () => void): void {
    const block = TerminalBlock.#active;
    if (!block) {
      write();
      return;
    }
    const lines = block.#drawn;
    block.#erase();
    write();
    // Not at once: a process that ends after its last words leaves no block below them.
    setImmediate(() => {
      if (TerminalBlock.#active === block && block.#drawn.length === 0) block.draw(lines);
    }).unref();
  }

  readonly #stream: NodeJS.WriteStream;
  #drawn: Text[] = [];

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

  /** Replaces what was drawn before. Each line is cleaned, and cut to the terminal's width. */
  draw(lines: readonly Inline[]): void {
    const { columns } = this.screen;
    const shown = lines.map((line) => cut(line, columns));
    if (String(shown) === String(this.#drawn)) return;
    // Line by line: where a terminal's whole screen is cleared at once, some keep it as history.
    const rows = shown.map((line) => `${CLEAR_LINE}${line}\n`).join("");
    this.#stream.write(`${WRAP_OFF}\r${up(this.#rows)}${rows}${CLEAR_BELOW}${WRAP_ON}`);
    this.#drawn = shown;
    TerminalBlock.#active = this;
  }

  clear(): void {
    this.#erase();
    if (TerminalBlock.#active === this) TerminalBlock.#active = undefined;
  }

  #erase(): void {
    const rows = this.#rows;
    // Also the line of the cursor: the terminal itself has written ^C there.
    if (rows > 0)
      this.#stream.write(`\r${up(rows)}${`${CLEAR_LINE}\n`.repeat(rows)}${CLEAR_LINE}${up(rows)}`);
    this.#drawn = [];
  }

  /** Rows that the lines take now: a terminal that became narrower has broken them. */
  get #rows(): number {
    const { columns } = this.screen;
    return this.#drawn.reduce((sum, line) => sum + Math.max(1, Math.ceil(width(line) / columns)), 0);
  }
}

function up(rows: number): string {
  return rows === 0 ? "" : `${ESC}${rows}A`;
}
