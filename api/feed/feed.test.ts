/** A project's event stream: all its sessions, in one order, and nothing of other projects. */
import { abortAllDurableObjects, reset, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { MAX_STREAMS } from "../events/event-streams.ts";
import { Feed } from "../index.ts";
import { feedOf, sessionOf } from "../platform/objects.ts";
import { call, create, mint, problem } from "../testing/call-api.ts";
import { type Block, EventStream, short } from "../testing/event-stream.ts";
import { readyNode } from "../testing/fake-agent.ts";
import { withSettings } from "../testing/settings.ts";
import { FEED_EVENTS } from "./feed-object.ts";

afterEach(() => {
  vi.restoreAllMocks();
  return reset();
});

const token = { actor: "admin-token", expiresAt: null };
const isLast = (id: string) => (block: Block) =>
  block.event === "session" && block.data.sessionId === id && block.data.status === "terminated";

async function runAndEnd(headers?: Record<string, string>): Promise<string> {
  const answer = await call<{ id: string }>("POST", "/v1/sessions?wait=20", { image: "a" }, headers);
  const { id } = answer.body;
  await call("DELETE", `/v1/sessions/${id}`, undefined, headers);
  await call("GET", `/v1/sessions/${id}?wait=20`, undefined, headers);
  return id;
}

/** Events of that session, without their numbers. */
function of(id: string, blocks: Block[]): string[] {
  return blocks
    .filter(({ data }) => data.sessionId === id)
    .map((block) => short({ ...block, id: undefined }));
}

async function own(id: string): Promise<string[]> {
  return of(id, await (await EventStream.open(`/v1/sessions/${id}/events`)).rest());
}

describe("the stream of a project", () => {
  test("has the events of all its sessions, each session's in its own order", async () => {
    const { link } = await readyNode();
    link.follow();
    const stream = await EventStream.open("/v1/events");
    const [one, two] = await Promise.all([runAndEnd(), runAndEnd()]);
    const last = new Set([one, two]);
    const blocks = await stream.until((block) => {
      for (const id of last) if (isLast(id)(block)) last.delete(id);
      return last.size === 0;
    });
    expect(of(one, blocks)).toEqual(await own(one));
    expect(of(two, blocks)).toEqual(await own(two));
    expect(blocks.map(({ id }) => id)).toEqual(blocks.map((_, at) => at + 1));
    await stream.close();
  });

  test("goes on after any of its events when every object crashed", async () => {
    const { agent, link } = await readyNode();
    link.follow();
    const stream = await EventStream.open("/v1/events");
    const { id } = await create({}, "?wait=20");
    const before = await stream.until(({ data }) => data.status === "preparing");
    await abortAllDurableObjects();
    await expect(stream.rest()).rejects.toThrow();
    const again = await EventStream.open("/v1/events", { after: before.at(-1)!.id! });
    (await agent.welcomed()).link.follow();
    await call("DELETE", `/v1/sessions/${id}`);
    const blocks = [...before, ...(await again.until(isLast(id)))];
    expect(of(id, blocks)).toEqual(await own(id));
    expect(blocks.map((block) => block.id)).toEqual(blocks.map((_, at) => at + 1));
    await again.close();
  });

  test("has nothing of another project, and answers it 404 for a session", async () => {
    const { link } = await readyNode();
    link.follow();
    const [hers, his] = [await mint("viewer", "vision"), await mint("user", "speech")];
    const stream = await EventStream.open("/v1/events", { headers: hers.headers });
    const id = await runAndEnd(his.headers);
    const answer = await call("GET", `/v1/sessions/${id}/events`, undefined, hers.headers);
    expect(problem(answer)).toEqual([404, "not_found", []]);
    const maker = await mint("user", "vision");
    const own = await runAndEnd(maker.headers);
    const blocks = await stream.until(isLast(own));
    expect(new Set(blocks.map(({ data }) => data.sessionId))).toEqual(new Set([own]));
    await stream.close();
  });

  test("begins with what comes from now on, and has a number before the first event", async () => {
    const { link } = await readyNode();
    link.follow();
    const empty = await EventStream.open("/v1/events?tail=0");
    expect(await empty.next()).toMatchObject({ id: 0, event: "" });
    const id = await runAndEnd();
    expect(short((await empty.next())!)).toBe("1 session pending");
    const last = (await empty.until(isLast(id))).at(-1)!.id!;
    const later = await EventStream.open("/v1/events?tail=1");
    expect((await later.until(isLast(id))).map((block) => block.id)).toEqual([last - 1, last]);
    await empty.close();
    await later.close();
  });

  test("ends when its token is revoked, and so does a session's own", async () => {
    const { id: session } = await create();
    const { id, headers } = await mint("viewer");
    const other = await EventStream.open("/v1/events");
    const streams = [
      await EventStream.open("/v1/events", { headers }),
      await EventStream.open("/v1/events", { headers }),
      await EventStream.open(`/v1/sessions/${session}/events`, { headers }),
    ];
    for (const stream of [other, ...streams]) await stream.until(({ data }) => data.sessionId === session);
    await call("DELETE", `/v1/tokens/${id}`);
    for (const stream of streams) expect(await stream.rest()).toEqual([]);
    await create();
    expect((await other.until(() => true))[0]!.data.sessionId).not.toBe(session);
    await other.close();
  });

  test("costs its token one request", async () => {
    const { headers } = await mint("viewer");
    await withSettings({ requestBurst: 2, requestsPerMinute: 1 }, async () => {
      const stream = await EventStream.open("/v1/events", { headers });
      expect(stream.response.status).toBe(200);
      await create();
      await stream.until(({ event }) => event === "session");
      expect((await call("GET", "/v1/sessions", undefined, headers)).status).toBe(200);
      expect((await call("GET", "/v1/sessions", undefined, headers)).status).toBe(429);
      await stream.close();
    });
  });

  test("is refused beyond the bound of streams, and a closed one makes room", async () => {
    await runInDurableObject(feedOf(env, "default"), async (feed) => {
      const open = Array.from({ length: MAX_STREAMS }, () => feed.open({}, token));
      expect(() => feed.open({}, token)).toThrow(/close some/);
      expect((await call("GET", "/v1/events")).status).toBe(429);
      await open[0]!.cancel();
      await feed.open({}, token).cancel();
      for (const stream of open.slice(1)) await stream.cancel();
    });
  });
});

describe("what a Feed hears twice, or late", () => {
  test("is told once: the answer was lost after the Feed had taken the events", async () => {
    const { link } = await readyNode();
    link.follow();
    vi.spyOn(console, "error").mockImplementation(() => {});
    const { take } = Feed.prototype;
    const lost = vi.spyOn(Feed.prototype, "take").mockImplementation(function (this: Feed, ...batch) {
      take.apply(this, batch);
      if (lost.mock.calls.length % 2 === 1) throw new Error("lost on the way");
    });
    const id = await runAndEnd();
    await runDurableObjectAlarm(sessionOf(env, id));
    await expect.poll(() => lost.mock.calls.length).toBeGreaterThan(1);
    const stream = await EventStream.open("/v1/events");
    expect(of(id, await stream.until(isLast(id)))).toEqual(await own(id));
    await stream.close();
  });

  test("comes after all when the Feed is back", async () => {
    const { link } = await readyNode();
    link.follow();
    vi.spyOn(console, "error").mockImplementation(() => {});
    const away = vi.spyOn(Feed.prototype, "take").mockImplementation(() => {
      throw new Error("away");
    });
    const id = await runAndEnd();
    const stream = await EventStream.open("/v1/events");
    expect(away).toHaveBeenCalled();
    away.mockRestore();
    await expect
      .poll(() => runDurableObjectAlarm(sessionOf(env, id)).then(() => feedLast()))
      .toBeGreaterThan(0);
    expect(of(id, await stream.until(isLast(id)))).toEqual(await own(id));
    await stream.close();
  });
});

function feedLast(): Promise<number> {
  return runInDurableObject(
    feedOf(env, "default"),
    (_, { storage }) =>
      storage.sql.exec<{ last: number }>("SELECT coalesce(MAX(seq), 0) AS last FROM events").one().last,
  );
}

describe("a Feed is bounded", () => {
  beforeEach(async () => {
    await runInDurableObject(feedOf(env, "default"), (feed) => {
      for (let session = 0; session < 22; session++) {
        feed.take(
          `ses_${session}`,
          Array.from({ length: 1000 }, (_, at) => ({
            seq: at + 1,
            kind: "session" as const,
            data: JSON.stringify({ sessionId: `ses_${session}`, pad: "x".repeat(150) }),
          })),
        );
      }
    });
  });

  test("it keeps the last events, and what it has taken of their sessions", async () => {
    const rows = await runInDurableObject(feedOf(env, "default"), (_, { storage }) => ({
      events: storage.sql.exec("SELECT COUNT(*) AS count, MIN(seq) AS oldest FROM events").one(),
      taken: storage.sql.exec("SELECT COUNT(*) AS count FROM taken").one(),
    }));
    expect(rows).toEqual({ events: { count: FEED_EVENTS, oldest: 2001 }, taken: { count: 20 } });
    const stream = await EventStream.open("/v1/events");
    expect((await stream.next())!.id).toBe(2001);
    await stream.close();
  });

  test("a reader that stops makes nothing grow: the Feed reads on only as far as the reader does", async () => {
    const read = await runInDurableObject(feedOf(env, "default"), async (feed, { storage }) => {
      const exec = vi.spyOn(storage.sql, "exec");
      const reader = feed.open({ after: 0 }, token).getReader();
      const pieces = () => exec.mock.calls.filter(([query]) => query.includes("LIMIT")).length;
      let bytes = 0;
      while (bytes < 200_000) bytes += (await reader.read()).value!.byteLength;
      // What reads ahead would do so by the next turn.
      await new Promise((resolve) => setTimeout(resolve, 0));
      const seen = { pieces: pieces(), bytes };
      await reader.cancel();
      exec.mockRestore();
      return seen;
    });
    expect(read.pieces).toBeLessThanOrEqual(Math.ceil(read.bytes / (64 * 1024)));
  });
});
