/** The one way to stdout and stderr for what Skein itself says. Strings are cleaned as a block; JSON stays exact JSON. */
import { cleanJson } from "../shared/text/clean.ts";
import { TerminalBlock } from "./terminal-block.ts";
import { block, type Text } from "./terminal-text.ts";

/** The answer, on stdout, with a line end. */
export function print(answer: string | Text): void {
  TerminalBlock.above(() => console.log(String(block(answer))));
}

/** The answer as JSON, in one line on stdout. */
export function printJson(answer: unknown): void {
  TerminalBlock.above(() => console.log(cleanJson(JSON.stringify(answer))));
}

/** Progress, hints and failures, on stderr, with a line end. */
export function say(message: string | Text): void {
  TerminalBlock.above(() => console.error(String(block(message))));
}

/** Passes on a piece of another program's messages, on stderr. */
export function passOn(piece: string): void {
  TerminalBlock.above(() => process.stderr.write(String(block(piece))));
}

let leave: () => void = () => process.exit(0);

/** `skein ps | head` closes the pipe: that is not a failure. */
export function endWithReader(): void {
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") leave();
    else throw error;
  });
}

/** What happens when the reader of our stdout is gone, instead of ending at once. */
export function whenReaderGone(work: () => void): void {
  leave = work;
}

/** Resolves when the readers of stdout and stderr have all of it. */
export async function allWritten(): Promise<void> {
  const streams = [process.stdout, process.stderr].filter(({ writableLength }) => writableLength > 0);
  await Promise.all(streams.map((stream) => new Promise((resolve) => stream.write("", resolve))));
}
