/** The agent's log: one readable line per event on stderr. SKEIN_LOG sets the level (pino's names; `info` by default). */
import pino from "pino";
import { clean } from "../shared/text/clean.ts";

export type Log = pino.Logger;

const LEVELS: Record<number, string> = pino.levels.labels;

export function makeLog(write: (line: string) => void = (line) => process.stderr.write(line)): Log {
  return pino(
    { level: process.env["SKEIN_LOG"] ?? "info", base: null },
    { write: (json) => write(line(json)) },
  );
}

/** `2026-11-26T12:00:00.000Z info  link is up assignments=2`: readable for people, and for grep. */
function line(json: string): string {
  const { time, level, msg, ...fields } = JSON.parse(json) as Record<string, unknown>;
  const said = Object.entries(fields).map(([name, value]) => ` ${name}=${textOf(value)}`);
  const label = (LEVELS[Number(level)] ?? String(level)).padEnd(5);
  return `${clean(`${new Date(Number(time)).toISOString()} ${label} ${msg}${said.join("")}`)}\n`;
}

/** Quoted when it has blanks or line ends, so that an entry stays one line. */
function textOf(value: unknown): string {
  if (typeof value === "object" && value !== null && "stack" in value) return JSON.stringify(value.stack);
  if (typeof value === "string" && /^[^\s"]+$/.test(value)) return value;
  return JSON.stringify(value) ?? "";
}
