/** For tests: logs in a folder of their own, and what is read of them as text. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { type OutputEntry, OutputPlace, type OutputStream } from "../docker/output.ts";
import { LogReader, type ReadOptions } from "./log-reader.ts";
import { readSegments } from "./segments.ts";
import { StoredLog } from "./stored-log.ts";
import type { StoredRecord } from "./stored-records.ts";

export function tempDir(): string {
  const dir = mkdtempSync(join(tmpdir(), "skein-logs-"));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/** The stored log of `main1` in this folder, as a new run of the agent opens it. */
export async function openLog(dir: string, bytes = 2 ** 20): Promise<StoredLog> {
  const segments = (await readSegments(dir)).get("main1") ?? [];
  const log = new StoredLog({ dir, host: "main1", bytes, segments });
  onTestFinished(() => log.close());
  return log;
}

/** Entries as an engine gives them: `["out", 5n, "text"]`; `"out+"` where no newline follows. */
export function entries(
  ...given: [stream: "out" | "out+" | "err" | "err+", time: bigint, text: string | Buffer][]
): OutputEntry[] {
  const place = new OutputPlace();
  return given.map(([name, time, text]) => {
    const stream: OutputStream = name.startsWith("out") ? "stdout" : "stderr";
    const entry = {
      stream,
      time,
      ordinal: place.ordinalOf(stream, time),
      partial: name.endsWith("+"),
      bytes: Buffer.from(text),
    };
    place.note(entry);
    return entry;
  });
}

/** Whole lines on stdout, `from` to `to`, each with its number as time. */
export function counted(
  from: number,
  to: number,
  text = (number: number) => `line ${number}`,
): OutputEntry[] {
  return entries(
    ...Array.from({ length: to - from + 1 }, (_, at): ["out", bigint, string] => [
      "out",
      BigInt(from + at),
      text(from + at),
    ]),
  );
}

export async function append(log: StoredLog, given: OutputEntry[], fresh = false, now = 0n): Promise<void> {
  await log.append({ entries: given, fresh }, now);
}

/** `5 stdout text`, and `+` where no newline follows. */
export function shown({ stream, time, partial, bytes }: StoredRecord): string {
  return `${time} ${stream} ${Buffer.from(bytes).toString("latin1")}${partial ? "+" : ""}`;
}

/** All that is there. */
export async function readAll(log: StoredLog, options: ReadOptions = {}): Promise<string[]> {
  const reader = new LogReader(log, options);
  const lines: string[] = [];
  for (let records = await reader.read(); records.length > 0; records = await reader.read())
    lines.push(...records.map(shown));
  await reader.close();
  return lines;
}
