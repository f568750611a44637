/** Waiting for a session: over an API that is away, and with the reason that only the queue knows. */
import { afterEach, expect, test, vi } from "vitest";
import type { FollowOptions, Session, Skein, SkeinEvent } from "../sdk/index.ts";
import { untilEnded, untilSettled } from "./wait.ts";

afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

function session(status: string, reason: string | null = null): Session {
  return { id: "ses_1", name: "train", status, reason, epoch: 1, containers: [] } as unknown as Session;
}

function changed(status: string, reason: string | null = null): SkeinEvent {
  return {
    ...session(status, reason),
    event: "session",
    id: "1",
    time: "",
    sessionId: "ses_1",
  } as SkeinEvent;
}

/** An API whose stream has these events and then waits; `gets` are its answers for the session, the last one again and again. */
function api(events: SkeinEvent[], gets: (Session | Error)[]): { skein: Skein; asked: FollowOptions[] } {
  const asked: FollowOptions[] = [];
  const skein = {
    async *events(options: FollowOptions) {
      asked.push(options);
      options.onConnection?.(true);
      yield* events;
      const { signal } = options;
      if (!signal!.aborted) await new Promise((resolve) => signal!.addEventListener("abort", resolve));
    },
    async getSession() {
      const answer = gets.length > 1 ? gets.shift()! : gets[0]!;
      if (answer instanceof Error) throw answer;
      return structuredClone(answer);
    },
  };
  return { skein: skein as unknown as Skein, asked };
}

function lines(): string[] {
  const written: string[] = [];
  vi.spyOn(console, "error").mockImplementation((line) => void written.push(line));
  return written;
}

test("an answer that is late, or not to be had for a while, is waited for", async () => {
  const progress = lines();
  const { skein } = api(
    [changed("pending"), changed("preparing"), changed("running")],
    [new TypeError("fetch failed"), session("running")],
  );
  expect(await untilSettled(skein, session("preparing"), "start")).toEqual(session("running"));
  expect(progress).toEqual(["train is pending", "train is preparing", "train is running"]);
});

test("a session that has gone on is waited for until it is over", async () => {
  lines();
  const { skein } = api(
    [changed("running"), changed("terminating"), changed("terminated")],
    [session("terminating"), session("terminated")],
  );
  expect((await untilSettled(skein, session("pending"), "start")).status).toBe("terminated");
});

test("one that is followed from now on is looked at once the stream is there", async () => {
  const progress = lines();
  const { skein, asked } = api([], [session("terminated", "ended by request")]);
  expect((await untilEnded(skein, session("terminating", "ended by request"))).status).toBe("terminated");
  expect(asked[0]).toMatchObject({ session: "ses_1", tail: 0 });
  expect(progress).toEqual([
    "train is terminating: ended by request",
    "train is terminated: ended by request",
  ]);
});

test("what a waiting session waits for is asked for, and no event takes it away", async () => {
  vi.useFakeTimers();
  const progress = lines();
  const { skein } = api([changed("pending")], [session("pending", "2nd in the queue"), session("running")]);
  const settled = untilSettled(skein, session("pending", "3rd in the queue"), "start");
  await vi.advanceTimersByTimeAsync(4999);
  expect(progress).toEqual(["train is pending: 3rd in the queue"]);
  await vi.advanceTimersByTimeAsync(1);
  expect(progress.at(-1)).toBe("train is pending: 2nd in the queue");
  await vi.advanceTimersByTimeAsync(5000);
  expect((await settled).status).toBe("running");
});

test("a session that is settled is not followed", async () => {
  const { skein, asked } = api([], []);
  await untilSettled(skein, session("failed"));
  expect(asked).toEqual([]);
});
