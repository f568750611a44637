/**
 * Text for a terminal. A string may come from anybody, so it is cleaned where it becomes part of one; colours are ours. Only this file makes
 * a `Text`, so a command cannot forget the cleaning.
 */
import { stripVTControlCharacters, styleText } from "node:util";
import { clean, cleanBlock } from "../shared/text/clean.ts";
import { cutMiddle } from "../shared/text/cut-middle.ts";

class Shown {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  toString(): string {
    return this.#text;
  }
}

/** Safe to print as it is. In an ordinary template it turns into a string, whose colours the next cleaning would show as text. */
export type Text = Shown;

/** Text for `text`, `joined` or a cell of a table: a string is cleaned as one line. */
export type Inline = string | number | Text;

/** A template: its own words stay, its values are cleaned as one line each. */
export function text(words: TemplateStringsArray, ...values: Inline[]): Text {
  return new Shown(words.reduce((before, word, i) => `${before}${shown(values[i - 1]!)}${word}`));
}

/** Cleaned as a block: its line ends and tabs stay. */
export function block(foreign: string | Text): Text {
  return foreign instanceof Shown ? foreign : new Shown(cleanBlock(foreign));
}

/** Parts one after the other: by default, lines. */
export function joined(parts: readonly Inline[], between: "\n" | "\n\n" | "  " | ", " | "" = "\n"): Text {
  return new Shown(parts.map(shown).join(between));
}

/** Columns that it takes on a terminal. */
export function width(part: Inline): number {
  return stripVTControlCharacters(shown(part)).length;
}

/** Without its middle, and without its colours, where it takes more than `columns`. */
export function cut(part: Inline, columns: number): Text {
  if (width(part) <= columns) return text`${part}`;
  return new Shown(cutMiddle(stripVTControlCharacters(shown(part)), columns));
}

/** Columns of the terminal that stdout is; infinitely many where it is none. */
export function stdoutColumns(): number {
  return (process.stdout.isTTY && process.stdout.columns) || Number.POSITIVE_INFINITY;
}

function shown(part: Inline): string {
  return part instanceof Shown ? String(part) : clean(String(part));
}

const COLORS: Record<string, "green" | "yellow" | "red"> = {
  running: "green",
  active: "green",
  ready: "green",
  terminated: "green",
  pending: "yellow",
  disconnected: "yellow",
  cordoned: "yellow",
  expired: "yellow",
  failed: "red",
  lost: "red",
  revoked: "red",
};

/** A status in its colour, if stdout is a terminal and NO_COLOR is not set. */
export function colored(status: string): Text {
  const color = COLORS[status];
  return color === undefined ? text`${status}` : styled(color, status);
}

/** A heading, under the same conditions. */
export function bold(heading: string): Text {
  return styled("bold", heading);
}

function styled(style: "bold" | "green" | "yellow" | "red", foreign: string): Text {
  return new Shown(styleText(style, clean(foreign), { stream: process.stdout }));
}
