/** Breaks a long text into lines. */
import { cutMiddle } from "../shared/text/cut-middle.ts";

/** Broken at spaces into lines of at most `columns`, at most `most` of them; what is too long loses its middle. */
export function wrapped(text: string, columns: number, most: number = Number.POSITIVE_INFINITY): string[] {
  const lines: string[] = [];
  let rest = text.trim();
  while (rest.length > columns && lines.length < most - 1) {
    const space = rest.lastIndexOf(" ", columns);
    const end = space > columns / 2 ? space : columns;
    lines.push(rest.slice(0, end));
    rest = rest.slice(end).trimStart();
  }
  return [...lines, cutMiddle(rest, columns)];
}
