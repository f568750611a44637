/** Text tables for people: columns as wide as their widest cell, two spaces apart. Each cell is cleaned. */
import { clean } from "../shared/text/clean.ts";
import { cut, type Inline, joined, stdoutColumns, type Text, text, width } from "./terminal-text.ts";
import { wrapped } from "./wrapped.ts";

type Row = readonly Inline[];

/** For stdout. A long string in the last column is broken for a terminal of so many columns; nothing is left out. */
export function table(header: Row, rows: readonly Row[], columns: number = stdoutColumns()): Text {
  const { widths, last, room } = layout([header, ...rows], columns);
  const lines = [header, ...rows].flatMap((line) => {
    const cell = line[last]!;
    const fits = width(cell) <= room || room < LEAST || typeof cell !== "string";
    const [first = "", ...more] = fits ? [cell] : wrapped(clean(cell), room);
    return [line.with(last, first), ...more.map((part) => header.map((_, at) => (at === last ? part : "")))];
  });
  return joined(lines.map((line) => lineOf(line, widths)));
}

/**
 * Lines of at most `columns` each, to draw again and again. Without those columns of the header that are in `spare`, from its first on, until
 * there is room for the last column, which is cut.
 */
export function narrowTable(
  header: readonly string[],
  rows: readonly Row[],
  columns: number,
  spare: readonly string[] = [],
): Text[] {
  const lines: Row[] = [header, ...rows];
  const { widths, last, room } = layout(lines, columns);
  const [name, ...others] = spare;
  if (name !== undefined && room < Math.min(ENOUGH, widths[last]!)) {
    const at = header.indexOf(name);
    return narrowTable(
      header.toSpliced(at, 1),
      rows.map((row) => row.toSpliced(at, 1)),
      columns,
      others,
    );
  }
  return lines.map((line) =>
    cut(lineOf(line.with(last, cut(line[last]!, Math.max(LEAST, room))), widths), columns),
  );
}

/** `what         value`, a line each; `column` is where the values begin. */
export function facts(pairs: readonly (readonly [string, Inline])[], column: number): Text {
  return joined(pairs.map(([what, value]) => text`${what.padEnd(column)}${value}`));
}

const BETWEEN = "  ";
/** A last column is not broken or cut to less than this: the terminal itself breaks lines then. */
const LEAST = 16;
/** A last column that has so much room is read without the others. */
const ENOUGH = 40;

/** `room`: what is left for the last column. */
function layout(lines: readonly Row[], columns: number): { widths: number[]; last: number; room: number } {
  const widths = lines[0]!.map((_, at) => Math.max(...lines.map((line) => width(line[at]!))));
  const last = widths.length - 1;
  const room = columns - widths.slice(0, last).reduce((sum, each) => sum + each + BETWEEN.length, 0);
  return { widths, last, room };
}

/** Without trailing blanks. */
function lineOf(line: Row, widths: readonly number[]): Text {
  const end = line.findLastIndex((cell) => width(cell) > 0);
  const cells = line
    .slice(0, end + 1)
    .map((cell, column) => (column === end ? cell : padded(cell, widths[column]!)));
  return joined(cells, BETWEEN);
}

function padded(cell: Inline, columns: number): Text {
  return text`${cell}${" ".repeat(columns - width(cell))}`;
}
