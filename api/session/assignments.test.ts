/** A Session stores assignments when a plan begins and sends them as stored, once; later frames are small. */
import { evictAllDurableObjects, reset, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, describe, expect, test } from "vitest";
import type { Assign, Hello, Welcome } from "../../shared/protocol/protocol.ts";
import type { SessionView } from "../../shared/session/session-schemas.ts";
import { done, hostsOf, keysOf } from "../../shared/testing/reports.ts";
import { getDocument, putDocument } from "../platform/documents.ts";
import { sessionOf } from "../platform/objects.ts";
import { call, create, settled } from "../testing/call-api.ts";
import type { Connection } from "../testing/connection.ts";
import { nodeFacts, readyNode } from "../testing/fake-agent.ts";
import { withSettings } from "../testing/settings.ts";

afterEach(() => reset());

/** An assign frame as sent: its text, and its content without what the fake agent adds from memory. */
type Sent = Assign & { text: string };

function sent(link: Connection): Sent[] {
  return link.texts("assign").map((text) => ({ ...(JSON.parse(text) as Assign), text }));
}

/** The assignments of the last welcome, as sent. */
function welcomed(link: Connection): Assign[] {
  return (JSON.parse(link.texts("welcome").at(-1)!) as Welcome).assignments;
}

/** As the Session stores it. */
interface Stored {
  epoch: number;
  layout: object;
  parts: Record<string, object>;
}

const held = (session: string, epoch: number, keys: boolean) => (hello: Hello) => ({
  ...hello,
  has: [{ session, epoch, keys }],
});

const TWO = { clusterMode: "multi-node", clusterSize: 2, env: { A: "b" } };

async function twoNodes() {
  const a = await readyNode(nodeFacts(8, "192.0.2.1"));
  const b = await readyNode(nodeFacts(8, "192.0.2.2"));
  return { a, b };
}

/** Every setting that a plan or an assignment could depend on, as another installation might have it. */
const OTHERS = {
  vxlanPort: 24789,
  addressPool: "172.20.0.0/16",
  vniBase: 0x900000,
  vniCount: 100,
  maxContainers: 1,
  maxSessionBytes: 1024,
  logBytes: 1024 * 1024,
  sessionRetentionSeconds: 3600,
};

describe("what a session sent when it began", () => {
  test("is sent again word for word after every setting has changed and every object has slept", async () => {
    const { a, b } = await twoNodes();
    const { id } = await create(TWO);
    const first = await a.link.asked("prepared", id);
    for (const { link } of [a, b]) link.follow();
    a.link.send(done(first));
    const running = await settled(id);
    expect(running.status).toBe("running");

    await withSettings(OTHERS, async () => {
      await evictAllDurableObjects();
      const { link } = await a.agent.welcomed();
      const [again] = welcomed(link);
      expect(again).toMatchObject({ session: id, epoch: 1, phase: "running" });
      const [{ text }] = sent(a.link) as [Sent];
      const said = text.slice(text.indexOf('"layout":'), -1);
      expect(said).toContain('"part":');
      expect(link.texts("welcome")[0]).toContain(said);
      link.follow().send(done({ ...again!, part: first.part }));
      await expect.poll(() => view(id)).toEqual(running);
    });
  });

  test("keeps the settings it began with, and the next session has the new ones", async () => {
    const { a, b } = await twoNodes();
    for (const { link } of [a, b]) link.follow();
    const old = await withSettings({ vxlanPort: 24789 }, () => create(TWO, "?wait=20"));
    const { link } = await a.agent.welcomed();
    expect(welcomed(link)[0]!.layout!.network.port).toBe(24789);
    link.follow();
    const next = await create(TWO, "?wait=20");
    expect((await link.asked("prepared", next.id)).layout!.network.port).toBe(14789);
    expect([(await view(old.id)).status, next.status]).toEqual(["running", "running"]);
  });

  test("is sent as stored, including fields that this release does not know", async () => {
    const { agent, link } = await readyNode();
    const { id } = await create();
    await link.asked("prepared", id);
    await runInDurableObject(sessionOf(env, id), (_, { storage: { sql } }) => {
      const { layout, parts, ...rest } = getDocument<Stored>(sql, "assignments")!;
      const later = [1, { ä: null }];
      const part = { ...parts[agent.id], later };
      putDocument(sql, "assignments", { ...rest, layout: { ...layout, later }, parts: { [agent.id]: part } });
    });
    await evictAllDurableObjects();
    const { link: next } = await agent.welcomed();
    expect(welcomed(next)[0]).toMatchObject({
      layout: { later: [1, { ä: null }] },
      part: { later: [1, { ä: null }] },
    });
    // It runs: nothing compares the assignment with one derived from the plan today.
    next.follow().send(done(welcomed(next)[0]!));
    expect(await settled(id)).toMatchObject({ status: "running", epoch: 1 });
  });
});

describe("frames", () => {
  test("carry the layout and the node's own part once, in the first frame; all nodes get the same layout", async () => {
    const { a, b } = await twoNodes();
    for (const { link } of [a, b]) link.follow();
    await create(TWO, "?wait=20");
    const [first, second] = [sent(a.link), sent(b.link)];
    expect(first.map(({ phase }) => phase)).toEqual(["prepared", "started", "running"]);
    expect(first.map((frame) => ["layout", "part"].filter((key) => key in frame))).toEqual([
      ["layout", "part"],
      [],
      [],
    ]);
    expect(first[0]!.layout).toEqual(second[0]!.layout);
    expect([hostsOf(first[0]!), hostsOf(second[0]!)]).toEqual([["main1"], ["sub1"]]);
  });

  test("carry everybody's keys once, with started", async () => {
    const { a, b } = await twoNodes();
    for (const { link } of [a, b]) link.follow();
    await create(TWO, "?wait=20");
    for (const { link } of [a, b]) {
      expect(sent(link).map(({ keys }) => keys)).toEqual([
        undefined,
        ["main1", "sub1"].map(keysOf),
        undefined,
      ]);
    }
  });

  test("are small after the first, whatever the session", async () => {
    const { link } = await readyNode();
    link.follow();
    const { id } = await create(
      { clusterSize: 32, env: { LARGE: "x".repeat(10_000) }, command: ["y".repeat(10_000)] },
      "?wait=20",
    );
    await call("DELETE", `/v1/sessions/${id}`);
    await settled(id);
    const [first, ...later] = sent(link);
    expect(first!.text.length).toBeGreaterThan(20_000);
    expect(later.map(({ phase }) => phase)).toEqual(["started", "running", "removed"]);
    for (const { text, keys } of later) {
      const bare = keys ? text.replace(`,"keys":${JSON.stringify(keys)}`, "") : text;
      expect(bare.length).toBeLessThan(200);
    }
    // A key pair's public halves are 43 letters each.
    expect(later[0]!.text.length).toBeLessThan(200 + 32 * 110);
  });

  test("of another epoch carry everything again", async () => {
    const { a, b } = await twoNodes();
    a.link.follow();
    b.link.follow((assign, usual) =>
      assign.phase === "prepared" && assign.epoch === 1
        ? { ...usual, phase: "none", failure: { code: "network_conflict", message: "in use" } }
        : usual,
    );
    const { id } = await create(TWO);
    expect(await settled(id)).toMatchObject({ status: "running", epoch: 2 });
    const layouts = sent(a.link).flatMap(({ epoch, layout }) =>
      layout ? [[epoch, layout.network.subnet]] : [],
    );
    expect(layouts.map(([epoch]) => epoch)).toEqual([1, 2]);
    expect(layouts[0]![1]).not.toBe(layouts[1]![1]);
  });
});

describe("a node that connects again", () => {
  /** A running session of one, and its node. */
  async function running() {
    const { agent, link } = await readyNode();
    link.follow();
    const { id } = await create({}, "?wait=20");
    return { agent, id };
  }

  const carried = (assign: Assign) => ["layout", "part", "keys"].filter((key) => key in assign);

  test("and has the assignment and the keys receives the phase alone", async () => {
    const { agent, id } = await running();
    const { link } = await agent.welcomed(held(id, 1, true));
    expect(welcomed(link)).toEqual([{ type: "assign", session: id, epoch: 1, phase: "running" }]);
    expect(link.texts("welcome")[0]!.length).toBeLessThan(300);
  });

  test.each([
    ["has no keys", 1, false, ["keys"]],
    ["has an older epoch", 7, true, ["layout", "part", "keys"]],
  ])("and %s receives what it lacks", async (_what, epoch, keys, lacks) => {
    const { agent, id } = await running();
    const { link } = await agent.welcomed(held(id, epoch, keys));
    expect(carried(welcomed(link)[0]!)).toEqual(lacks);
  });

  test("and has another session's assignment receives all of this one", async () => {
    const { agent } = await running();
    const { link } = await agent.welcomed(held("ses_other", 1, true));
    expect(carried(welcomed(link)[0]!)).toEqual(["layout", "part", "keys"]);
  });

  test("before the keys are known receives none", async () => {
    const { agent, link: first } = await readyNode();
    const { id } = await create();
    await first.asked("prepared", id);
    const { link } = await agent.welcomed();
    expect(carried(welcomed(link)[0]!)).toEqual(["layout", "part"]);
  });

  test("to remove its part receives neither assignment nor keys", async () => {
    const { agent, link: first } = await readyNode();
    first.follow((assign, usual) => (assign.phase === "removed" ? undefined : usual));
    const { id } = await create({}, "?wait=20");
    await call("DELETE", `/v1/sessions/${id}`);
    await first.asked("removed", id);
    const { link } = await agent.welcomed();
    expect(welcomed(link)).toEqual([
      { type: "assign", session: id, epoch: 1, phase: "removed", force: false },
    ]);
  });
});

async function view(id: string): Promise<SessionView> {
  return (await call<SessionView>("GET", `/v1/sessions/${id}`)).body;
}
