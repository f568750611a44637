/** Progress on stderr: one line that is rewritten on a terminal; elsewhere a line whenever it changes. */

export interface Progress {
  show(text: string): void;
  /** Takes the line away, so that what follows stands alone. */
  clear(): void;
}

export function startProgress(stream: NodeJS.WriteStream = process.stderr): Progress {
  let last = "";
  return {
    show(text) {
      if (text === last) return;
      last = text;
      // Longer than the terminal is wide, it would wrap, and the next one would not cover it.
      if (stream.isTTY) stream.write(`\r\x1b[2K${text.slice(0, Math.max(0, stream.columns - 1))}`);
      else stream.write(`${text}\n`);
    },
    clear() {
      if (stream.isTTY && last !== "") stream.write("\r\x1b[2K");
      last = "";
    },
  };
}
