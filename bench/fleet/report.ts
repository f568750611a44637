/** The final report of the bench: for people, or as JSON. */
import { arch, cpus, release } from "node:os";
import { table } from "../../cli/table.ts";
import {
  type Column,
  figureText,
  growthOf,
  MEASURE_NAMES,
  MEASURES,
  type MeasureName,
  PHASES,
  type Value,
} from "./measures.ts";
import type { Options } from "./options.ts";

/** Most characters of a text in a column; `--json` has the whole text. */
const MOST_LETTERS = 40;

export function report(columns: readonly [Column, Column], options: Options): string {
  return options.json ? asJson(columns, options) : asText(columns, options);
}

function asJson(columns: readonly [Column, Column], { effort: _, json: __, ...asked }: Options): string {
  const growth = MEASURE_NAMES.flatMap((name) => {
    const times = growthIn(columns, name);
    return times === undefined ? [] : [[name, times]];
  });
  const about = { ...asked, cpus: cpus().length, cpu: cpuName(), kernel: release() };
  return JSON.stringify({ about, columns, growth: Object.fromEntries(growth) });
}

function asText(columns: readonly [Column, Column], { waiting }: Options): string {
  return [
    `Simulated agents and one skein serve on ${cpus().length} × ${cpuName()}, Linux ${release()};`,
    `${waiting} sessions wait while workerd is killed. The growth is the last column's multiple of the one before.`,
    "",
    table(["", ...columns.map(({ nodes }) => `${figureText(nodes)} nodes`), "growth"], rowsOf(columns)),
  ].join("\n");
}

/** A title for each phase, then its measures. A measure that neither run took has no row. */
export function rowsOf(columns: readonly [Column, Column]): string[][] {
  const taken = MEASURE_NAMES.filter((name) => columns.some(({ values }) => values[name] !== undefined));
  return taken.flatMap((name, at) => {
    const { phase, label, unit } = MEASURES[name];
    const times = growthIn(columns, name);
    const row = [
      `  ${label}`,
      ...columns.map(({ values }) => cell(values[name], unit)),
      times === undefined ? "" : `× ${figureText(times)}`,
    ];
    const before = taken[at - 1];
    return before !== undefined && MEASURES[before].phase === phase
      ? [row]
      : [[PHASES[phase], ...row.slice(1).map(() => "")], row];
  });
}

function growthIn([first, second]: readonly [Column, Column], name: MeasureName): number | undefined {
  return growthOf(first.values[name], second.values[name]);
}

function cell(value: Value | undefined, unit: string): string {
  if (value === undefined) return "–";
  if (typeof value === "number") return `${figureText(value)} ${unit}`.trim();
  return value.length > MOST_LETTERS ? `${value.slice(0, MOST_LETTERS - 1)}…` : value;
}

function cpuName(): string {
  return cpus()[0]?.model ?? arch();
}
