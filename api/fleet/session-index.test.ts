/** Lists come from Fleet's index alone, and show what each session itself answers. */
import { evictDurableObject, reset, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, describe, expect, test, vi } from "vitest";
import { LIVE_STATUSES, type SessionStatus } from "../../shared/session/lifecycle.ts";
import type { SessionView } from "../../shared/session/session-schemas.ts";
import { done } from "../../shared/testing/reports.ts";
import { Session } from "../index.ts";
import { SETTINGS } from "../platform/installation-settings.ts";
import { fleetOf, sessionOf } from "../platform/objects.ts";
import { call, create, ended } from "../testing/call-api.ts";
import { nodeFacts, readyNode } from "../testing/fake-agent.ts";
import { heardAgo, sleepNow } from "../testing/objects.ts";
import { listSessions } from "./session-index.ts";

afterEach(() => {
  vi.restoreAllMocks();
  return reset();
});

async function list(query = ""): Promise<SessionView[]> {
  return (await call<{ items: SessionView[] }>("GET", `/v1/sessions${query}`)).body.items;
}

const listed = async (query?: string) => (await list(query)).map(({ id }) => id);

/** The session's own answer, without the output. */
async function itself(id: string): Promise<SessionView> {
  const { body } = await call<SessionView>("GET", `/v1/sessions/${id}`);
  return { ...body, containers: body.containers.map((each) => ({ ...each, output: null })) };
}

test("a list calls no Session, and wakes none", async () => {
  const { link } = await readyNode();
  link.follow();
  const running = await create({}, "?wait=20");
  const waiting = await create({ resources: { cpu: 1000 } });
  const { id } = await create();
  await call("DELETE", `/v1/sessions/${id}`);
  await ended(id);
  const objects = [running.id, waiting.id, id].map((each) => sessionOf(env, each));
  for (const object of objects) await sleepNow(object);
  const asked = vi.spyOn(Session.prototype, "get");
  expect(await listed()).toEqual([id, waiting.id, running.id]);
  for (const status of ["running", "pending", "terminated"]) await listed(`?status=${status}`);
  expect(asked).not.toHaveBeenCalled();
  for (const object of objects)
    await expect(evictDurableObject(object)).rejects.toThrow(/not currently running/);
});

test("a page reads a row of an index for each item and status, however many sessions there are", async () => {
  await create();
  const pages = await runInDurableObject(fleetOf(env), (_fleet, { storage: { sql } }) => {
    const columns = "project, priority, epoch, spec, view";
    const copy = `INSERT INTO sessions (id, name, status, live, ${columns})
      SELECT 'ses_' || ?1 || value, ?1 || value, ?1, ?2, ${columns}
      FROM sessions JOIN json_each(?3) WHERE seq = (SELECT MIN(seq) FROM sessions)`;
    const numbers = JSON.stringify(Array.from({ length: 1_000 }, (_, at) => at));
    for (const [status, live] of [
      ["running", 1],
      ["terminated", 0],
      ["starting", 1],
      ["failed", 0],
    ])
      sql.exec(copy, status!, live!, numbers);
    const { project } = sql.exec<{ project: string }>("SELECT project FROM sessions").toArray()[0]!;
    return [undefined, ["running" as const], LIVE_STATUSES].map((statuses) => {
      const cursors: SqlStorageCursor<Record<string, SqlStorageValue>>[] = [];
      const exec = (...asked: Parameters<SqlStorage["exec"]>) => {
        const cursor = sql.exec(...asked);
        cursors.push(cursor);
        return cursor;
      };
      const page = listSessions({ exec } as SqlStorage, project, statuses, Number.MAX_SAFE_INTEGER, 10);
      return { items: page.length, rows: cursors.reduce((sum, { rowsRead }) => sum + rowsRead, 0) };
    });
  });
  expect(pages.map(({ items }) => items)).toEqual([10, 10, 10]);
  for (const { rows } of pages) expect(rows).toBeLessThan((LIVE_STATUSES.length + 3) * 10);
});

describe("a list shows a session as the session itself answers, without the containers' output", () => {
  /** Waits for this status, then for the list to show the same. */
  async function listedAs(id: string, status: SessionStatus): Promise<SessionView> {
    await expect.poll(async () => (await itself(id)).status).toBe(status);
    await expect.poll(() => list(`?status=${status}`)).toEqual([await itself(id)]);
    return itself(id);
  }

  test("while it waits, and at each step from its start to its end", async () => {
    const waiting = await create({ clusterSize: 2 });
    expect((await listedAs(waiting.id, "pending")).reason).toMatch(/1st in the queue$/);
    const { agent, link } = await readyNode();
    const { id } = waiting;
    const prepared = await link.asked("prepared");
    const { containers } = await listedAs(id, "preparing");
    expect(containers.map(({ node, status }) => [node, status])).toEqual(
      Array(2).fill([agent.name, "pending"]),
    );
    link.send(done(prepared));
    const started = await link.asked("started");
    await listedAs(id, "starting");
    link.send(done(started));
    link.send(done(await link.asked("running")));
    await listedAs(id, "running");
    await call("DELETE", `/v1/sessions/${id}`);
    const removed = await link.asked("removed");
    await listedAs(id, "terminating");
    link.send(done(removed));
    await listedAs(id, "terminated");
  });

  test("with its reason and exit codes after its end", async () => {
    const { link } = await readyNode();
    link.follow((assign, usual) => {
      if (assign.phase !== "running") return usual;
      const ends = { status: "exited", exitCode: 3, output: "bye" } as const;
      return { ...usual, containers: usual.containers.map((each) => ({ ...each, ...ends })) };
    });
    const { id } = await create();
    expect((await ended(id)).containers[0]).toMatchObject({ exitCode: 3, output: "bye" });
    expect((await listedAs(id, "failed")).containers[0]!.exitCode).toBe(3);
  });

  test("with its next plan if the first failed, also when old news comes late", async () => {
    const { link } = await readyNode();
    link.follow((assign, usual) => {
      if (assign.epoch > 1) return assign.phase === "removed" ? usual : undefined;
      if (assign.phase === "removed") return usual;
      return { ...usual, phase: "none", failure: { code: "network_conflict", message: "in use" } };
    });
    const { id } = await create();
    await expect.poll(async () => (await itself(id)).epoch).toBe(2);
    const preparing = await listedAs(id, "preparing");
    const { status, epoch, ...view } = { ...preparing, status: "pending" as const, epoch: 1 };
    await fleetOf(env).sessionNews(id, [
      {
        seq: 1_000_000,
        subject: "news",
        body: { id, status, epoch, view: JSON.stringify(view), removed: [], replan: false, avoid: [] },
      },
    ]);
    expect(await list()).toEqual([preparing]);
  });

  test("with a container that exits while it runs", async () => {
    const { link } = await readyNode();
    link.follow();
    const { id } = await create({ clusterSize: 2 }, "?wait=20");
    const containers = [{ host: "sub1", status: "exited" as const, exitCode: 0 }];
    link.send({ type: "report", session: id, epoch: 1, phase: "running", containers });
    await expect.poll(async () => (await itself(id)).containers[1]!.status).toBe("exited");
    await listedAs(id, "running");
  });

  test("with a container that is started again", async () => {
    const { link } = await readyNode();
    link.follow();
    const { id } = await create({ onExit: "restart" }, "?wait=20");
    const reason = "restart 1 of 5; before, it ended with exit code 3";
    const containers = [{ host: "main1", status: "running" as const, exitCode: 3, reason }];
    link.send({ type: "report", session: id, epoch: 1, phase: "running", containers });
    await expect.poll(async () => (await itself(id)).containers[0]!.reason).toBe(reason);
    await listedAs(id, "running");
  });

  test("with a lost node that it goes on without, and when the node is back", async () => {
    const a = await readyNode(nodeFacts(8, "192.0.2.1"));
    const b = await readyNode(nodeFacts(8, "192.0.2.2"));
    for (const { link } of [a, b]) link.follow();
    const body = { clusterMode: "multi-node", clusterSize: 2, onNodeLoss: "keep" };
    const { id } = await create(body, "?wait=20");
    b.link.close();
    await expect
      .poll(async () => (await call<{ status: string }>("GET", `/v1/nodes/${b.agent.id}`)).body.status)
      .toBe("disconnected");
    await heardAgo(b.agent.id, SETTINGS.nodeLeaseSeconds + 1);
    await runDurableObjectAlarm(fleetOf(env));
    await expect.poll(async () => (await itself(id)).containers[1]!.status).toBe("lost");
    await listedAs(id, "running");
    (await b.agent.connect()).follow();
    await expect.poll(async () => (await itself(id)).containers[1]!.status).toBe("running");
    await listedAs(id, "running");
  });
});
