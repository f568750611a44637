/** Asks for a secret. */
import { createInterface } from "node:readline/promises";
import { Writable } from "node:stream";
import { text } from "node:stream/consumers";
import { say } from "./print.ts";

/** On a terminal it is typed unseen, else it is all of stdin; without the white space around it. */
export async function askUnseen(what: string): Promise<string> {
  if (!process.stdin.isTTY) return (await text(process.stdin)).trim();
  say(`${what} (not shown):`);
  const unseen = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: process.stdin, output: unseen, terminal: true });
  try {
    return (await lines.question("")).trim();
  } finally {
    lines.close();
  }
}
