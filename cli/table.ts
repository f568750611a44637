/** Text tables for people: columns as wide as their widest cell, two spaces apart. */
import { cut, type Inline, joined, type Text, text, width } from "./terminal-text.ts";

type Row = readonly Inline[];

/** Lines of header and rows; each cell is cleaned. `columns`: how wide lines may be; a string in the last column is cut for it. */
export function table(header: Row, rows: readonly Row[], columns?: number): Text {
  return joined(tableLines(header, rows, columns));
}

/** The same as `table`, each line for itself. Lines have no trailing blanks. */
export function tableLines(
  header: Row,
  rows: readonly Row[],
  columns: number = Number.POSITIVE_INFINITY,
): Text[] {
  const lines = [header, ...rows];
  const widths = header.map((_, column) => Math.max(...lines.map((line) => width(line[column] ?? ""))));
  const last = header.length - 1;
  const room = columns - widths.slice(0, last).reduce((sum, each) => sum + each + BETWEEN.length, 0);
  return lines.map((line) => row(line.with(last, cut(line[last] ?? "", Math.max(LEAST, room))), widths));
}

/** `what         value`, a line each; `column` is where the values begin. */
export function facts(pairs: readonly (readonly [string, Inline])[], column: number): Text {
  return joined(pairs.map(([what, value]) => text`${what.padEnd(column)}${value}`));
}

const BETWEEN = "  ";
/** A last column is not cut below this: a terminal that is too narrow wraps or cuts by itself. */
const LEAST = 16;

function row(line: Row, widths: readonly number[]): Text {
  const end = line.findLastIndex((cell) => width(cell) > 0);
  const cells = line
    .slice(0, end + 1)
    .map((cell, column) => (column === end ? cell : padded(cell, widths[column]!)));
  return joined(cells, BETWEEN);
}

function padded(cell: Inline, columns: number): Text {
  return text`${cell}${" ".repeat(columns - width(cell))}`;
}
