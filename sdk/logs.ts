/** Logs of a session's containers, line by line. After a broken connection they go on without gap or repeat. */
import type { LogLine } from "./generated/types.gen.ts";
import { type ConnectionOptions, reconnecting } from "./reconnecting.ts";

/** `bytes`: the line as it was written, without its newline. */
export type OutputLine = LogLine & { bytes: Uint8Array };

export interface LogOptions extends ConnectionOptions {
  /** Id or name. */
  session: string;
  /** One container; without it, all. */
  host?: string;
  /** Go on until all containers have ended. */
  follow?: boolean;
  /** Only the last lines of each container. */
  tail?: number;
  /** RFC 3339, or a span like `10m`. */
  since?: string;
}

/** Asks for the logs with these parameters. Rejects as `fetch` does. */
export type AskForLogs = (query: Record<string, string>, signal: AbortSignal) => Promise<Response>;

/** `hostsOf`: the session's containers. @throws what `refused` makes of an answer that will stay as it is */
export async function* readLogs(
  ask: AskForLogs,
  hostsOf: (signal: AbortSignal) => Promise<string[]>,
  { host, follow = false, tail, since, ...options }: LogOptions,
  refused: (response: Response) => Promise<Error>,
): AsyncGenerator<OutputLine, void, undefined> {
  /** Time of each host's last line; the times of a host differ, and grow. */
  const last = new Map<string, string>();
  const began = Date.now();
  let hosts = host === undefined ? undefined : [host];
  /** Behind what every host has sent. A host that was not heard before the break still has all its lines to send. */
  const position = async (signal: AbortSignal) => {
    if (last.size === 0) return since;
    hosts ??= await hostsOf(signal).catch(() => undefined);
    const times = hosts?.map((each) => last.get(each)) ?? [];
    return times.length === 0 || times.includes(undefined) ? absolute(since, began) : times.sort()[0];
  };
  const connect = async (signal: AbortSignal) => {
    const from = await position(signal);
    return await ask(
      {
        ...(host === undefined ? {} : { host }),
        ...(follow ? { follow: "true" } : {}),
        ...(from === undefined ? {} : { since: from }),
        ...(tail === undefined || last.size > 0 ? {} : { tail: String(tail) }),
      },
      signal,
    );
  };
  /** Many lines at a time: each step of an asynchronous iteration costs more than the line. */
  async function* read(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<OutputLine[]> {
    for await (const texts of linesOf(chunks)) {
      yield texts.flatMap((text) => (text === "" ? [] : (news(JSON.parse(text) as LogLine) ?? [])));
    }
  }
  /** Undefined: it has come before. Only one time is asked for all hosts. */
  function news(line: LogLine): OutputLine | undefined {
    const { host: of, stream, time } = line;
    if (stream !== "notice") {
      if (time <= (last.get(of) ?? "")) return undefined;
      last.set(of, time);
    }
    return { ...line, bytes: bytesOf(line) };
  }
  for await (const lines of reconnecting({ connect, read, endsWithBody: true, refused }, options))
    yield* lines;
}

const SPAN_SECONDS: Record<string, number> = { s: 1, m: 60, h: 3600, d: 86_400 };

/** A span back from a moment (ms since 1970) as RFC 3339, since another moment would be another line. */
function absolute(since: string | undefined, moment: number): string | undefined {
  const [, count, unit] = /^(\d+)([smhd])$/.exec(since ?? "") ?? [];
  return unit === undefined
    ? since
    : new Date(moment - Number(count) * SPAN_SECONDS[unit]! * 1000).toISOString();
}

function bytesOf({ text, base64 }: LogLine): Uint8Array {
  if (base64 === undefined) return new TextEncoder().encode(text);
  const text64 = atob(base64);
  const bytes = new Uint8Array(text64.length);
  for (let at = 0; at < bytes.length; at++) bytes[at] = text64.charCodeAt(at);
  return bytes;
}

/** The lines that are complete with each chunk. */
async function* linesOf(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string[]> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of chunks) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop()!;
    yield lines;
  }
}
