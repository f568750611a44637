/** How long ended sessions stay, and what goes with them. */
import { evictDurableObject, reset, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, describe, expect, test, vi } from "vitest";
import type { SessionView } from "../../shared/session/session-schemas.ts";
import { done } from "../../shared/testing/reports.ts";
import { Session } from "../index.ts";
import { SETTINGS } from "../platform/installation-settings.ts";
import { fleetOf, sessionOf } from "../platform/objects.ts";
import { call, create, ended, mint, problem, settled } from "../testing/call-api.ts";
import { readyNode } from "../testing/fake-agent.ts";
import { storageOf } from "../testing/objects.ts";
import { withSettings } from "../testing/settings.ts";

afterEach(() => {
  vi.restoreAllMocks();
  return reset();
});

const RETENTION = SETTINGS.sessionRetentionSeconds;

async function endedSession(body: object = {}): Promise<SessionView> {
  const { id } = await create(body);
  await call("DELETE", `/v1/sessions/${id}`);
  return ended(id);
}

/** Moves the end of all ended sessions into the past by so much. Then Fleet's alarm rings. */
async function secondsLater(seconds: number): Promise<void> {
  await runInDurableObject(fleetOf(env), (_, { storage }) =>
    storage.sql.exec("UPDATE sessions SET ended_at = ended_at - ? WHERE live = 0", seconds * 1000),
  );
  await runDurableObjectAlarm(fleetOf(env));
}

async function listed(query = ""): Promise<string[]> {
  const { items } = (await call<{ items: SessionView[] }>("GET", `/v1/sessions${query}`)).body;
  return items.map(({ id }) => id);
}

const answer = async (id: string) => (await call("GET", `/v1/sessions/${id}`)).status;

/** What is left of a session in its own object and in Fleet's. */
async function leftovers(id: string): Promise<unknown> {
  const object = sessionOf(env, id);
  const alarm = await runInDurableObject(object, (_, { storage }) => storage.getAlarm());
  const fleet = Object.entries(await storageOf(fleetOf(env)))
    // The audit log keeps who did what, and a known key must answer that its session is gone.
    .filter(([table]) => table !== "audit" && table !== "idempotency")
    .flatMap(([table, rows]) => rows.filter((row) => JSON.stringify(row).includes(id)).map(() => table));
  return { stored: await storageOf(object), alarm, fleet };
}

const NOTHING = { stored: { "": [] }, alarm: null, fleet: [] };

describe("an ended session", () => {
  test("is gone after SESSION_RETENTION_SECONDS, from its own object and from Fleet; not before", async () => {
    const { link } = await readyNode();
    link.follow();
    const { id } = await create({ name: "x" }, "?wait=20");
    await call("DELETE", `/v1/sessions/${id}`);
    await ended(id);
    await secondsLater(RETENTION - 60);
    expect([await answer(id), await listed()]).toEqual([200, [id]]);

    await secondsLater(61);
    await expect.poll(() => leftovers(id)).toEqual(NOTHING);
    // The platform keeps the file, and a page of it.
    const bytes = await runInDurableObject(sessionOf(env, id), (_, { storage }) => storage.sql.databaseSize);
    expect(bytes).toBeLessThanOrEqual(4096);
    expect(await listed()).toEqual([]);
    for (const path of [id, "x", `${id}/events`]) {
      expect(problem(await call("GET", `/v1/sessions/${path}`))).toEqual([404, "not_found", []]);
    }
    expect(problem(await call("DELETE", `/v1/sessions/${id}`))).toEqual([404, "not_found", []]);
  });

  test("goes by itself: an alarm removes it, also in a fleet without nodes", async () => {
    await withSettings({ sessionRetentionSeconds: 1 }, async () => {
      const { id } = await endedSession();
      await expect.poll(() => answer(id)).toBe(404);
    });
  });

  test("leaves live ones and younger ones alone", async () => {
    const { link } = await readyNode();
    link.follow();
    const running = await create({}, "?wait=20");
    const waiting = await create({ resources: { cpu: 1000 } });
    const old = await endedSession();
    await secondsLater(RETENTION - 60);
    const young = await endedSession();
    await secondsLater(61);
    await expect.poll(() => answer(old.id)).toBe(404);
    expect(await listed()).toEqual([young.id, waiting.id, running.id]);
    expect((await settled(running.id)).status).toBe("running");
  });

  test("stays as long as a node may hold a part of it, and goes once the node has confirmed", async () => {
    const { agent, link } = await readyNode();
    link.follow((assign, usual) => (assign.phase === "removed" ? undefined : usual));
    const { id } = await create({}, "?wait=20");
    link.close();
    await expect
      .poll(async () => (await call<{ status: string }>("GET", `/v1/nodes/${agent.id}`)).body.status)
      .toBe("disconnected");
    await withSettings({ removalGraceSeconds: 0 }, async () => {
      await call("DELETE", `/v1/sessions/${id}`);
      expect((await ended(id)).containers[0]!.status).toBe("lost");
    });
    await secondsLater(RETENTION * 3);
    expect(await answer(id)).toBe(200);

    const { link: next, welcome } = await agent.welcomed();
    next.send(done(welcome.assignments[0]!));
    await expect
      .poll(async () => {
        await runDurableObjectAlarm(fleetOf(env));
        return leftovers(id);
      })
      .toEqual(NOTHING);
    expect(await answer(id)).toBe(404);
  });

  test("is also forgotten if its object could not be reached at first", async () => {
    const { id } = await endedSession();
    const error = vi.spyOn(console, "error").mockImplementation(() => {});
    const lost = vi.spyOn(Session.prototype, "receive").mockRejectedValue(new Error("lost") as never);
    await secondsLater(RETENTION + 1);
    expect(await answer(id)).toBe(404);
    expect(lost).toHaveBeenCalled();
    lost.mockRestore();
    error.mockRestore();
    await evictDurableObject(fleetOf(env));
    await runDurableObjectAlarm(fleetOf(env));
    await expect.poll(() => leftovers(id)).toEqual(NOTHING);
  });

  test("may receive the request to go twice", async () => {
    const { id } = await endedSession();
    await secondsLater(RETENTION + 1);
    await expect.poll(() => leftovers(id)).toEqual(NOTHING);
    await sessionOf(env, id).receive("fleet", [{ seq: 1_000_000, subject: "", body: { kind: "forget" } }]);
    expect(await leftovers(id)).toEqual(NOTHING);
  });

  test("gives its name to later ones, before and after", async () => {
    const first = await endedSession({ name: "x" });
    const second = await create({ name: "x" });
    await secondsLater(RETENTION + 1);
    await expect.poll(() => answer(first.id)).toBe(404);
    expect((await call<SessionView>("GET", "/v1/sessions/x")).body.id).toBe(second.id);
  });

  test("that was made with an Idempotency-Key: the key answers 409 from then on", async () => {
    const key = { "idempotency-key": "k" };
    const make = (body: object) => call<{ id: string; detail: string }>("POST", "/v1/sessions", body, key);
    const { id } = (await make({ image: "a" })).body;
    await call("DELETE", `/v1/sessions/${id}`);
    await ended(id);
    expect((await make({ image: "a" })).body.id).toBe(id);
    await secondsLater(RETENTION + 1);
    const refused = await make({ image: "a" });
    expect(problem(refused)).toEqual([409, "idempotency_conflict", []]);
    expect(refused.body.detail).toMatch(new RegExp(`made ${id}, which has ended and is kept no longer`));
    expect(await listed()).toEqual([]);
  });
});

test("MAX_ENDED_SESSIONS of a project stay, the latest; other projects' and live ones do not count", async () => {
  await withSettings({ maxEndedSessions: 2 }, async () => {
    const other = (await mint("user", "other")).headers;
    const theirs = (await call<SessionView>("POST", "/v1/sessions", { image: "a" }, other)).body;
    await call("DELETE", `/v1/sessions/${theirs.id}`, undefined, other);
    const live = [await create(), await create(), await create()];
    const all: SessionView[] = [];
    for (let i = 0; i < 4; i++) {
      all.push(await endedSession());
      await secondsLater(1);
    }
    const kept = [...all.slice(-2), ...live].map(({ id }) => id);
    expect((await listed()).toSorted()).toEqual(kept.toSorted());
    for (const { id } of all.slice(0, 2)) await expect.poll(() => leftovers(id)).toEqual(NOTHING);
    expect((await call("GET", `/v1/sessions/${theirs.id}`, undefined, other)).status).toBe(200);
  });
});
