/** A terminal for tests: it knows the few sequences that Skein uses, and shows anything else as text. */

const ESC = "\x1b";
const PARTS = new RegExp(`${ESC}\\[(\\??[\\d;]*)([A-Za-z])|\\r|\\n|[^\\r\\n${ESC}]+|${ESC}`, "g");

/** What changes nothing here: line wrap, which Skein switches off while it draws, and a shell's bracketed paste. */
const MODES: ReadonlySet<string> = new Set(["?7", "?2004"]);

export class Screen {
  columns: number;
  readonly rows: number;
  /** All lines since the start, also what has left the screen. */
  readonly lines: string[] = [""];
  #row = 0;
  #column = 0;

  constructor(columns: number, rows: number) {
    this.columns = columns;
    this.rows = rows;
  }

  write(text: string): boolean {
    for (const [part, parameter = "", command] of text.matchAll(PARTS)) {
      if (part === "\r") this.#column = 0;
      else if (part === "\n") this.#down();
      else if (command === undefined) this.#put(part);
      else this.#run(command, parameter);
    }
    return true;
  }

  /** Lines that are too wide then are broken, as most terminals do. */
  narrow(columns: number): void {
    this.columns = columns;
    const broken = this.lines.flatMap((line) => line.match(new RegExp(`.{1,${columns}}`, "g")) ?? [""]);
    this.lines.splice(0, Number.POSITIVE_INFINITY, ...broken);
    this.#row = this.lines.length - 1;
  }

  #run(command: string, parameter: string): void {
    // The cursor goes up to the first row of the screen, and no further.
    const top = Math.max(0, this.lines.length - this.rows);
    if (command === "A") this.#row = Math.max(top, this.#row - Number(parameter || 1));
    else if (command === "J") this.lines.splice(this.#row, Number.POSITIVE_INFINITY, this.#before);
    else if (command === "K" && parameter === "2") this.lines[this.#row] = "";
    else if (command !== "m" && !MODES.has(parameter)) this.#put(`ESC[${parameter}${command}`);
  }

  /** What stands before the cursor in its line. */
  get #before(): string {
    return this.lines[this.#row]!.slice(0, this.#column).padEnd(this.#column);
  }

  #down(): void {
    this.lines[++this.#row] ??= "";
    this.#column = 0;
  }

  /** A line that is too wide goes on in the next one: where Skein draws, it must not come to that. */
  #put(text: string): void {
    const chars = [...text];
    for (let at = 0; at < chars.length; ) {
      if (this.#column === this.columns) this.#down();
      const run = chars.slice(at, at + this.columns - this.#column);
      const after = this.lines[this.#row]!.slice(this.#column + run.length);
      this.lines[this.#row] = this.#before + run.join("") + after;
      this.#column += run.length;
      at += run.length;
    }
  }
}
