/** Progress on stderr: on a terminal one line that is rewritten; elsewhere a new line for each change. */
import { clean } from "../shared/text/clean.ts";

export interface Progress {
  show(text: string): void;
  /** Clears the line, so that later output starts on an empty one. */
  clear(): void;
}

export function startProgress(stream: NodeJS.WriteStream = process.stderr): Progress {
  let last = "";
  return {
    show(foreign) {
      const text = clean(foreign);
      if (text === last) return;
      last = text;
      // Cut to the terminal's width: a wrapped line would not be covered by the next one.
      if (stream.isTTY) stream.write(`\r\x1b[2K${text.slice(0, Math.max(0, stream.columns - 1))}`);
      else stream.write(`${text}\n`);
    },
    clear() {
      if (stream.isTTY && last !== "") stream.write("\r\x1b[2K");
      last = "";
    },
  };
}
