/** Log records as an answer shows them: JSON lines, or text. */
import type { HostRecord } from "../../shared/streams/log-records.ts";

/** `json`: an object in each line. `text`: the container's own bytes, or for several containers `main1 | …`. */
export type LogFormat = "json" | "text";

const encoder = new TextEncoder();
const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const lenient = new TextDecoder("utf-8", { fatal: false, ignoreBOM: true });
const NEWLINE = encoder.encode("\n");

/** `several`: whether the answer has lines of more than one container. */
export function bytesOf(record: HostRecord, format: LogFormat, several: boolean): Uint8Array[] {
  if (format === "json") return [encoder.encode(`${JSON.stringify(lineOf(record))}\n`)];
  const { host, stream, bytes, partial } = record;
  const says = stream === "notice" ? "skein: " : "";
  // Lines of several containers mix, so each piece of a long line becomes a line of its own.
  if (several) return [encoder.encode(`${host} | ${says}`), bytes, NEWLINE];
  return [encoder.encode(says), bytes, ...(partial ? [] : [NEWLINE])];
}

function lineOf({ host, stream, time, bytes, partial }: HostRecord): object {
  const text = textOf(bytes);
  return {
    host,
    stream,
    time: timeText(time),
    text: text ?? lenient.decode(bytes),
    ...(partial ? { partial } : {}),
    ...(text === undefined ? { base64: bytes.toBase64() } : {}),
  };
}

/** Undefined if it is not UTF-8. */
function textOf(bytes: Uint8Array): string | undefined {
  try {
    return strict.decode(bytes);
  } catch {
    return undefined;
  }
}

/** RFC 3339 with nanoseconds, from ns since 1970. */
export function timeText(time: bigint): string {
  const seconds = new Date(Number(time / 1_000_000_000n) * 1000).toISOString().slice(0, 19);
  return `${seconds}.${String(time % 1_000_000_000n).padStart(9, "0")}Z`;
}
