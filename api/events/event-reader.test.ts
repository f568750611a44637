/** What a reader gets, and when: events as they come, progress once a second, a ping after a silence. */
import { reset, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, expect, test, vi } from "vitest";
import type { ContainerChanged } from "../../shared/session/event-schemas.ts";
import { feedOf } from "../platform/objects.ts";
import { Waiters } from "../platform/waiters.ts";
import { EventReader } from "./event-reader.ts";
import { EventTable } from "./event-table.ts";
import { ProgressBoard } from "./progress-board.ts";

afterEach(() => {
  vi.useRealTimers();
  return reset();
});

const KEPT = 10;

interface Bench {
  table: EventTable;
  progress: ProgressBoard;
  waiters: Waiters;
  reader: EventReader;
  over(): void;
}

/** A reader of a table of its own, with the clock stopped. */
function bench(work: (bench: Bench) => Promise<void>): Promise<void> {
  return runInDurableObject(feedOf(env, "bench"), async (_, { storage }) => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"] });
    const [table, progress, waiters] = [
      new EventTable(storage.sql, KEPT),
      new ProgressBoard(),
      new Waiters(),
    ];
    let isOver = false;
    const source = { table, progress, isOver: () => isOver };
    const reader = new EventReader(storage, source, waiters, 0);
    const over = () => {
      isOver = true;
      waiters.check();
    };
    await work({ table, progress, waiters, reader, over });
  });
}

function pulled(host: string, reason: string): ContainerChanged {
  const time = "2026-11-26T12:00:00.000Z";
  return { time, sessionId: "ses_1", host, node: "gpu-a", status: "pulling", reason, exitCode: null };
}

/** Whether it is settled yet, without waiting. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  promise.then(() => {
    settled = true;
  });
  await vi.advanceTimersByTimeAsync(0);
  return settled;
}

test("a silence of 15 s is a ping, at once for a stream without an event", () =>
  bench(async ({ table, waiters, reader }) => {
    expect(await reader.next()).toBe(": ping\n\n");
    const second = reader.next();
    await vi.advanceTimersByTimeAsync(14_000);
    expect(await isSettled(second)).toBe(false);
    table.append([{ kind: "session", data: { a: 1 } }]);
    waiters.check();
    expect(await second).toBe('id: 1\nevent: session\ndata: {"a":1}\n\n');
    const third = reader.next();
    await vi.advanceTimersByTimeAsync(14_999);
    expect(await isSettled(third)).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    expect(await third).toBe(": ping\n\n");
  }));

test("progress comes at once, then once a second with the newest of each container", () =>
  bench(async ({ table, progress, waiters, reader }) => {
    await reader.next();
    const first = reader.next();
    progress.put(pulled("main1", "1%"));
    waiters.check();
    expect(await first).toMatch(/^event: progress\ndata: .*"1%".*\n\n$/);
    const second = reader.next();
    for (const percent of [2, 3, 4]) {
      progress.put(pulled("main1", `${percent}%`));
      progress.put(pulled("sub1", `${percent}%`));
      waiters.check();
    }
    await vi.advanceTimersByTimeAsync(999);
    expect(await isSettled(second)).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    const text = (await second)!;
    expect(text.match(/"reason":"\d%"/g)).toEqual(['"reason":"4%"', '"reason":"4%"']);
    // An event does not wait for it, and ends the progress of its container.
    const third = reader.next();
    progress.put(pulled("main1", "5%"));
    progress.drop("main1");
    table.append([{ kind: "container", data: {} }]);
    waiters.check();
    expect(await third).toContain("event: container");
    const fourth = reader.next();
    await vi.advanceTimersByTimeAsync(14_000);
    expect(await isSettled(fourth)).toBe(false);
  }));

test("the end comes after all that is stored, and needs no ping", () =>
  bench(async ({ table, reader, over }) => {
    table.append([{ kind: "session", data: {} }]);
    over();
    expect(await reader.next()).toContain("id: 1\n");
    expect(await reader.next()).toBeUndefined();
  }));

test("a reader that is stopped gets no more, even if more is stored", () =>
  bench(async ({ table, reader }) => {
    await reader.next();
    const next = reader.next();
    table.append([{ kind: "session", data: {} }]);
    reader.stop();
    expect(await next).toBeUndefined();
    expect(await reader.next()).toBeUndefined();
  }));

test("a table keeps the last events, and deletes old ones many at a time", () =>
  bench(async ({ table, reader }) => {
    const many = (count: number) =>
      table.append(Array.from({ length: count }, () => ({ kind: "session", data: {} })));
    expect(many(KEPT + 1000)).toBeUndefined();
    expect(table.after(0, 2000)).toHaveLength(KEPT + 1000);
    expect(many(1)).toBe(1001);
    expect(table.after(0, 2000).map(({ seq }) => seq)).toEqual(
      Array.from({ length: KEPT }, (_, at) => 1002 + at),
    );
    expect(table.last()).toBe(1011);
    expect(await reader.next()).toMatch(/^id: 1002\n/);
  }));
