/** Readers that stay through the storm: a session's output and events, and the events of all. What they read has no gap and no repeat. */
import type { OutputLine, Skein, SkeinEvent } from "../../sdk/index.ts";

/** Reads to the end, or until `signal`. */
export interface Reader {
  /** Items so far. */
  count(): number;
  over: Promise<void>;
  /** Once it is over: compares with what the API tells when it is asked anew. */
  problems(): Promise<string[]>;
}

/** The output of a session whose containers print 1, 2, 3, … */
export function readOutput(skein: Skein, session: string, signal: AbortSignal): Reader {
  const lines: OutputLine[] = [];
  let failure: string | undefined;
  const read = async () => {
    for await (const line of skein.logs({ session, follow: true, signal })) lines.push(line);
  };
  return {
    count: () => lines.length,
    over: read().catch((error: Error) => {
      failure = `logs of ${session}: ${error.message}`;
    }),
    async problems() {
      if (failure !== undefined) return [failure];
      const kept: OutputLine[] = [];
      for await (const line of skein.logs({ session })) kept.push(line);
      const hosts = new Set([...lines, ...kept].map(({ host }) => host));
      return [...hosts].flatMap((host) => {
        const [live, whole] = [textsOf(lines, host), textsOf(kept, host)];
        const what = `logs of ${session} ${host}`;
        const found = [...unordered(live), ...unordered(whole).map((each) => `${each}, read anew`)];
        if (live.length !== whole.length && !(live.length < whole.length && saidAway(lines, host)))
          found.push(`followed ${live.length} lines, kept are ${whole.length}`);
        return found.map((each) => `${what}: ${each}`);
      });
    },
  };
}

function textsOf(lines: readonly OutputLine[], host: string): string[] {
  return lines.filter((line) => line.host === host && line.stream !== "notice").map(({ text }) => text);
}

/** Whether a notice after the last line of a host says that its node is away: then the rest has to be asked for again. */
function saidAway(lines: readonly OutputLine[], host: string): boolean {
  const last = lines.findLastIndex((line) => line.host === host && line.stream !== "notice");
  return lines.slice(last + 1).some(({ stream }) => stream === "notice");
}

/** The first line that does not follow the one before. The last one may be cut by the container's end. */
function unordered(texts: readonly string[]): string[] {
  const at = texts.findIndex((text, n) => text !== String(n + 1));
  return at === -1 ? [] : [`line ${at + 1} of ${texts.length} is ${JSON.stringify(texts[at])}`];
}

/** Events of a session, until its last one; or of all, until `signal`. */
export function readEvents(skein: Skein, session: string | undefined, signal: AbortSignal): Reader {
  const events: SkeinEvent[] = [];
  const what = `events of ${session ?? "all"}`;
  let failure: string | undefined;
  const of = session === undefined ? {} : { session };
  const read = async () => {
    for await (const event of skein.events({ ...of, signal })) if (event.id !== null) events.push(event);
  };
  return {
    count: () => events.length,
    over: read().catch((error: Error) => {
      failure = `${what}: ${error.message}`;
    }),
    async problems() {
      if (failure !== undefined) return [failure];
      const last = events.at(-1)?.id;
      const kept: string[] = [];
      for await (const event of skein.events({ ...of })) {
        if (event.id !== null) kept.push(JSON.stringify(event));
        if (event.id === last) break;
      }
      const at = kept.findIndex((event, n) => event !== JSON.stringify(events[n]));
      if (at === -1 && kept.length === events.length) return [];
      return [
        `${what}: event ${at + 1} of ${kept.length} was ${JSON.stringify(events[at])}, kept is ${kept[at]}`,
      ];
    },
  };
}
