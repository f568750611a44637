/** A list of sessions that is kept current by events. */
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { ApiProblem, type FollowOptions, type Session, type Skein, type SkeinEvent } from "../sdk/index.ts";
import { watchSessions } from "./watch-sessions.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function session(id: string, status: string): Session {
  return { id, name: id, status, createdAt: id, reason: null, containers: [] } as unknown as Session;
}

/** An API with these sessions, whose events come when `tell` is called. */
function api(...known: Session[]) {
  const sessions = new Map(known.map((each) => [each.id, each]));
  const queue: string[] = [];
  let wake = Promise.withResolvers<void>();
  let options: FollowOptions | undefined;
  const calls = { list: 0, get: [] as string[] };
  const skein = {
    async *events(given: FollowOptions) {
      options = given;
      given.signal!.addEventListener("abort", () => wake.resolve());
      given.onConnection?.(true);
      while (!given.signal!.aborted) {
        for (const sessionId of queue.splice(0)) yield { sessionId } as SkeinEvent;
        await wake.promise;
        wake = Promise.withResolvers();
      }
    },
    async getSession({ path: { id } }: { path: { id: string } }) {
      calls.get.push(id);
      if (!sessions.has(id)) throw new ApiProblem({ status: 404, detail: "gone" } as ApiProblem["problem"]);
      return sessions.get(id)!;
    },
  };
  const list = async () => {
    calls.list += 1;
    return [...sessions.values()].filter(({ status }) => status !== "terminated");
  };
  return {
    ...{ skein: skein as unknown as Skein, sessions, calls, list },
    tell(...ids: string[]) {
      queue.push(...ids);
      wake.resolve();
    },
    reconnect: () => options!.onConnection!(true),
  };
}

function watched(of: ReturnType<typeof api>) {
  const shown: string[][] = [];
  const ended = watchSessions(of.skein, {
    list: of.list,
    keeps: ({ status }) => status !== "terminated",
    show: (sessions) => void shown.push(sessions.map(({ id, status }) => `${id} ${status}`)),
    onConnection() {},
  });
  return { shown, ended };
}

test("shows what events name again, and only what has changed", async () => {
  const of = api(session("a", "running"), session("b", "running"));
  const { shown } = watched(of);
  await vi.advanceTimersByTimeAsync(0);
  expect(shown).toEqual([["b running", "a running"]]);
  of.sessions.set("a", session("a", "terminating"));
  of.sessions.set("c", session("c", "preparing"));
  of.tell("a", "c", "a");
  await vi.advanceTimersByTimeAsync(1000);
  expect(shown.at(-1)).toEqual(["c preparing", "b running", "a terminating"]);
  expect(of.calls).toEqual({ list: 1, get: ["a", "c"] });
  of.sessions.set("a", session("a", "terminated"));
  of.sessions.delete("b");
  of.tell("a", "b");
  await vi.advanceTimersByTimeAsync(1000);
  expect(shown.at(-1)).toEqual(["c preparing"]);
  of.tell("c");
  await vi.advanceTimersByTimeAsync(1000);
  expect(shown).toHaveLength(3);
});

test("asks once a second, and for a new list where many have changed", async () => {
  const many = Array.from({ length: 50 }, (_, at) => session(`s${at}`, "running"));
  const of = api(...many);
  watched(of);
  for (let at = 0; at < 50; at++) {
    of.tell(...many.map(({ id }) => id));
    await vi.advanceTimersByTimeAsync(100);
  }
  expect(of.calls.list).toBeLessThanOrEqual(6);
  expect(of.calls.get).toEqual([]);
});

test("lists again after each connection, and while a session waits asks for its place", async () => {
  const of = api(session("a", "pending"));
  watched(of);
  await vi.advanceTimersByTimeAsync(1000);
  of.reconnect();
  await vi.advanceTimersByTimeAsync(1000);
  expect(of.calls).toEqual({ list: 2, get: [] });
  await vi.advanceTimersByTimeAsync(5000);
  expect(of.calls.get).toEqual(["a"]);
});

test("ends with a refusal, and goes on after an answer that was lost", async () => {
  const of = api(session("a", "running"));
  const failures = [
    new TypeError("fetch failed"),
    new ApiProblem({ status: 401, detail: "revoked" } as never),
  ];
  const list = of.list;
  of.list = async () => (of.calls.list++ === 0 ? list() : Promise.reject(failures.shift()));
  const { shown, ended } = watched({ ...of, list: () => of.list() });
  const refused = expect(ended).rejects.toThrow("revoked");
  await vi.advanceTimersByTimeAsync(1000);
  expect(shown).toHaveLength(1);
  of.reconnect();
  await vi.advanceTimersByTimeAsync(2000);
  await refused;
});
