/** Names what a copy has left out. */
import { say } from "../print.ts";
import { text } from "../terminal-text.ts";
import type { LeftOut } from "./unpack.ts";

/** So many are named. */
const MOST_NAMED = 10;

export function sayLeftOut(leftOut: readonly LeftOut[]): void {
  for (const { path, why } of leftOut.slice(0, MOST_NAMED)) say(text`not copied: ${path}: ${why}`);
  if (leftOut.length > MOST_NAMED) say(text`not copied: ${leftOut.length - MOST_NAMED} more`);
}
