/** Following an event stream over connections that break, hang and come back. */
import { afterEach, describe, expect, test, vi } from "vitest";
import { type Connect, type FollowOptions, follow, type SkeinEvent } from "./events.ts";

afterEach(() => {
  vi.useRealTimers();
});

const refused = async ({ status }: Response) => new Error(`refused with ${status}`);

/** A connection of the script: what it answers, piece by piece; the last piece says how it ends. */
type Answer = Response | Error | string[];

function sse(id: number, host: string): string {
  return `id: ${id}\nevent: container\ndata: ${JSON.stringify({ host, status: "running" })}\n\n`;
}

/** Answers one connection after the other; a piece "cut" breaks it, "hang" lets it wait for ever. */
function script(...answers: Answer[]): Connect & { asked: (string | undefined)[] } {
  const asked: (string | undefined)[] = [];
  const connect = async (after: string | undefined, signal: AbortSignal) => {
    asked.push(after);
    const answer = answers.shift() ?? new Response(null, { status: 204 });
    if (answer instanceof Error) throw answer;
    return answer instanceof Response ? answer : new Response(bodyOf(answer, signal));
  };
  return Object.assign(connect, { asked });
}

function bodyOf(pieces: string[], signal: AbortSignal): ReadableStream<Uint8Array> {
  const queue = pieces.values();
  return new ReadableStream({
    pull(controller) {
      const { value, done } = queue.next();
      if (done) return controller.close();
      if (value === "cut") return controller.error(new TypeError("terminated"));
      if (value !== "hang") return controller.enqueue(new TextEncoder().encode(value));
      return new Promise((_, reject) => {
        signal.addEventListener("abort", () => reject(signal.reason));
      });
    },
  });
}

async function all(connect: Connect, options: FollowOptions = {}): Promise<SkeinEvent[]> {
  const events: SkeinEvent[] = [];
  for await (const event of follow(connect, options, refused)) events.push(event);
  return events;
}

const hosts = (events: SkeinEvent[]) => events.map((event) => ("host" in event ? event.host : event.name));

describe("a stream that is followed", () => {
  test("goes on after the last event when the connection breaks, also in the middle of one", async () => {
    const connect = script(
      [sse(1, "main1"), sse(2, "sub1").slice(0, 20), "cut"],
      [sse(2, "sub1"), sse(3, "sub2")],
    );
    const events = await all(connect);
    expect(events.map(({ id }) => id)).toEqual(["1", "2", "3"]);
    expect(events[0]).toEqual({ event: "container", id: "1", host: "main1", status: "running" });
    expect(connect.asked).toEqual([undefined, "1", "3"]);
  });

  test("keeps its place from a block without an event", async () => {
    const connect = script(["id: 41\n\n", "cut"], [sse(42, "main1")]);
    expect(hosts(await all(connect, { tail: 0 }))).toEqual(["main1"]);
    expect(connect.asked).toEqual([undefined, "41", "42"]);
  });

  test("is not resumed by what has no id", async () => {
    const progress = 'event: progress\ndata: {"host":"main1"}\n\n';
    const connect = script([sse(1, "main1"), progress, ": ping\n\n", "cut"]);
    expect((await all(connect)).map(({ event, id }) => [event, id])).toEqual([
      ["container", "1"],
      ["progress", null],
    ]);
    expect(connect.asked).toEqual([undefined, "1"]);
  });

  test("says once that the API is away, and again that it is back", async () => {
    const told: unknown[] = [];
    const refusedBy = Object.assign(new TypeError("fetch failed"), { cause: { code: "ECONNREFUSED" } });
    const connect = script(
      [sse(1, "main1"), "cut"],
      refusedBy,
      new Response("{}", { status: 503 }),
      [sse(2, "sub1"), "cut"],
      new Response("{}", { status: 429, headers: { "retry-after": "0.01" } }),
      [sse(3, "sub2")],
    );
    const onConnection = (...args: unknown[]) => void told.push(args);
    expect(hosts(await all(connect, { onConnection }))).toEqual(["main1", "sub1", "sub2"]);
    expect(told).toEqual([
      [true, undefined],
      [false, "terminated"],
      [true, undefined],
      [false, "terminated"],
      [true, undefined],
    ]);
  });

  test("says within 25 s that nothing comes, and connects again", async () => {
    vi.useFakeTimers();
    const told: unknown[] = [];
    const connect = script([sse(1, "main1"), "hang"], [sse(2, "sub1")]);
    const ended = all(connect, { onConnection: (_, reason) => void told.push(reason) });
    await vi.advanceTimersByTimeAsync(24_000);
    expect(told).toEqual([undefined]);
    await vi.advanceTimersByTimeAsync(1000);
    expect(told).toEqual([undefined, "nothing came for 25 s"]);
    await vi.advanceTimersByTimeAsync(5000);
    expect(hosts(await ended)).toEqual(["main1", "sub1"]);
  });

  test("lives on pings", async () => {
    vi.useFakeTimers();
    const abort = new AbortController();
    const reasons: unknown[] = [];
    const connect: Connect = async (_, signal) =>
      new Response(
        new ReadableStream({
          start(controller) {
            const ping = () => controller.enqueue(new TextEncoder().encode(": ping\n\n"));
            const timer = setInterval(ping, 15_000);
            signal.addEventListener("abort", () => {
              clearInterval(timer);
              controller.error(signal.reason);
            });
          },
        }),
      );
    const ended = all(connect, { signal: abort.signal, onConnection: (_, why) => void reasons.push(why) });
    await vi.advanceTimersByTimeAsync(120_000);
    expect(reasons).toEqual([undefined]);
    abort.abort();
    expect(await ended).toEqual([]);
  });

  test("ends with an answer that will stay as it is", async () => {
    const connect = script([sse(1, "main1"), "cut"], new Response("{}", { status: 401 }));
    await expect(all(connect)).rejects.toThrow("refused with 401");
  });

  test("asks no API without end that closes at once", async () => {
    vi.useFakeTimers();
    const abort = new AbortController();
    let asked = 0;
    const connect: Connect = async () => {
      asked += 1;
      return new Response("");
    };
    const ended = all(connect, { signal: abort.signal });
    await vi.advanceTimersByTimeAsync(60_000);
    expect(asked).toBeGreaterThan(10);
    expect(asked).toBeLessThan(40);
    abort.abort();
    await ended;
  });

  test("is left by a break, which ends its connection", async () => {
    let given: AbortSignal | undefined;
    const connect: Connect = async (_, signal) => {
      given = signal;
      return new Response(bodyOf([sse(1, "main1"), "hang"], signal));
    };
    for await (const _ of follow(connect, {}, refused)) break;
    expect(given!.aborted).toBe(true);
  });
});
