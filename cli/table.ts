/** Text tables for people: columns as wide as their widest cell, two spaces apart. */
import { stripVTControlCharacters, styleText } from "node:util";

/** Lines of header and rows. The last column is not padded, so lines have no trailing blanks. */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [header, ...rows];
  const widths = header.map((_, column) => Math.max(...lines.map((line) => width(line[column] ?? ""))));
  return lines
    .map((line) =>
      line
        .map((cell, column) => cell + " ".repeat(widths[column]! - width(cell)))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

function width(cell: string): number {
  return stripVTControlCharacters(cell).length;
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
export function colored(status: string): string {
  const color = COLORS[status];
  return color === undefined ? status : styleText(color, status, { stream: process.stdout });
}
