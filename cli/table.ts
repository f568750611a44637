/** Text tables for people: columns as wide as their widest cell, two spaces apart. */
import { type Inline, joined, type Text, text, width } from "./terminal-text.ts";

/** Lines of header and rows; each cell is cleaned. Lines have no trailing blanks. */
export function table(header: readonly Inline[], rows: readonly (readonly Inline[])[]): Text {
  const lines = [header, ...rows];
  const widths = header.map((_, column) => Math.max(...lines.map((line) => width(line[column] ?? ""))));
  return joined(lines.map((line) => row(line, widths)));
}

/** `what         value`, a line each; `column` is where the values begin. */
export function facts(pairs: readonly (readonly [string, Inline])[], column: number): Text {
  return joined(pairs.map(([what, value]) => text`${what.padEnd(column)}${value}`));
}

function row(line: readonly Inline[], widths: readonly number[]): Text {
  const end = line.findLastIndex((cell) => width(cell) > 0);
  const cells = line
    .slice(0, end + 1)
    .map((cell, column) => (column === end ? cell : padded(cell, widths[column]!)));
  return joined(cells, "  ");
}

function padded(cell: Inline, columns: number): Text {
  return text`${cell}${" ".repeat(columns - width(cell))}`;
}
