/** Users' keys reach the nodes once, whenever they come, and each container's host key is in the Session. */
import { evictAllDurableObjects, reset } from "cloudflare:test";
import { afterEach, describe, expect, test } from "vitest";
import type { AuditEntry } from "../../shared/access/access-schemas.ts";
import type { Problem } from "../../shared/errors/errors.ts";
import type { Assign, Hello, Welcome } from "../../shared/protocol/protocol.ts";
import { ed25519Line } from "../../shared/ssh/public-key.ts";
import { done, identityOf } from "../../shared/testing/reports.ts";
import { call, create, mint, settled } from "../testing/call-api.ts";
import type { Connection } from "../testing/connection.ts";
import { nodeFacts, readyNode } from "../testing/fake-agent.ts";

afterEach(() => reset());

const key = (letter: string) => `${ed25519Line(`${letter.repeat(42)}A`)} ${letter}@laptop`;
const [ANNA, BEN, CEM] = ["a", "b", "c"].map(key) as [string, string, string];

interface Answer {
  keys: number;
  missingOn: string[];
}

const add = (session: string, keys: unknown, headers?: Record<string, string>) =>
  call<Answer & Problem>("POST", `/v1/sessions/${session}/ssh-keys`, { keys }, headers);

/** The lists of users' keys that came, in order. */
function lists(link: Connection): string[][] {
  const frames = link.texts("assign").map((text) => JSON.parse(text) as Assign);
  return frames.flatMap(({ sshKeys }) => (sshKeys ? [sshKeys] : []));
}

/** An agent that does at once what it is asked, and lets all keys in. */
const lettingIn = (link: Connection) => {
  let count = 0;
  return link.follow((assign, usual) => {
    count = Math.max(count, assign.sshKeys?.length ?? 0);
    return { ...usual, sshKeys: count };
  });
};

async function running(body: object = {}) {
  const { agent, link } = await readyNode();
  lettingIn(link);
  const { id } = await create({ name: "train", ...body });
  expect((await settled(id)).status).toBe("running");
  return { id, agent, link };
}

describe("keys of the request", () => {
  test("come with the first frame and not again, each once", async () => {
    const { link } = await running({ sshKeys: [ANNA, BEN, `${ANNA} again`] });
    expect(lists(link)).toEqual([[ANNA, BEN]]);
    expect(link.texts("assign")[0]).toContain('"sshKeys"');
  });

  test("a bad one is refused with its place", async () => {
    const { status, body } = await call<Problem>("POST", "/v1/sessions", {
      image: "a",
      sshKeys: [ANNA, `command="id" ${BEN}`],
    });
    expect([status, body.code]).toEqual([400, "invalid_request"]);
    expect(body.errors).toEqual([
      { field: "sshKeys[1]", message: expect.stringContaining("options are not taken") },
    ]);
  });
});

describe("keys that are added", () => {
  test("reach a node that runs the session: the answer comes once they may log in", async () => {
    const { id, link } = await running({ sshKeys: [ANNA] });
    expect((await add("train", [BEN])).body).toEqual({ keys: 2, missingOn: [] });
    expect(lists(link)).toEqual([[ANNA], [ANNA, BEN]]);
    expect((await add(id, [BEN, `${ANNA} again`])).body).toEqual({ keys: 2, missingOn: [] });
    expect(lists(link)).toHaveLength(2);
  });

  test("come with the welcome of a node that was away, also after the API's objects have slept", async () => {
    const { id, agent, link } = await running({ sshKeys: [ANNA] });
    link.close();
    await link.closed;
    await expect.poll(async () => (await add(id, [BEN])).body).toEqual({ keys: 2, missingOn: [agent.name] });
    await evictAllDurableObjects();
    const has = (sshKeys: number) => (hello: Hello) => ({
      ...hello,
      has: [{ session: id, epoch: 1, keys: true, sshKeys }],
    });
    const lacking = await agent.welcomed(has(1));
    const frames = () => JSON.parse(lacking.link.texts("welcome")[0]!) as Welcome;
    expect(frames().assignments).toEqual([
      { type: "assign", session: id, epoch: 1, phase: "running", sshKeys: [ANNA, BEN] },
    ]);
    lacking.link.close();
    const { welcome } = await agent.welcomed(has(2));
    expect(welcome.assignments[0]!.sshKeys).toBeUndefined();
  });

  test("before there is room, they come with the first frame", async () => {
    const { id } = await create({ sshKeys: [ANNA] });
    expect((await add(id, [CEM])).body).toEqual({ keys: 2, missingOn: [] });
    const { link } = await readyNode();
    lettingIn(link);
    expect((await settled(id)).status).toBe("running");
    expect(lists(link)).toEqual([[ANNA, CEM]]);
  });

  test("stay for the next plan, which may be on another node", async () => {
    const first = await readyNode(nodeFacts(8));
    const { id } = await create({ sshKeys: [ANNA], retries: 1 });
    await first.link.asked("prepared", id);
    await add(id, [BEN]);
    const second = await readyNode(nodeFacts(8, "192.0.2.2"));
    lettingIn(second.link);
    const failure = { code: "create" as const, message: "no" };
    first.link.follow((assign, usual) =>
      assign.phase === "removed" ? usual : done(assign, { phase: "none", failure }),
    );
    first.link.send({ type: "report", session: id, epoch: 1, phase: "none", containers: [], failure });
    expect((await settled(id)).status).toBe("running");
    expect(lists(second.link)).toEqual([[ANNA, BEN]]);
  });

  test("are refused without the right, in another project, past the bound, and after the end", async () => {
    const { id, link } = await running();
    const viewer = await mint("viewer");
    const other = await mint("user", "other");
    expect((await add("train", [ANNA], viewer.headers)).status).toBe(403);
    expect((await add("train", [ANNA], other.headers)).status).toBe(404);
    expect((await add(id, [ANNA], other.headers)).status).toBe(404);
    for (const keys of [[], ["x"], ANNA, undefined]) expect((await add(id, keys)).status).toBe(400);

    const many = (from: number) =>
      Array.from({ length: 40 }, (_, i) => ed25519Line(`${String(from + i).padStart(42, "0")}A`));
    expect((await add(id, many(0))).body.keys).toBe(40);
    const past = await add(id, many(40));
    expect([past.status, past.body.errors]).toEqual([
      400,
      [{ field: "keys", message: "would make 80 keys: a session takes 64 in all" }],
    ]);
    expect(lists(link)).toHaveLength(1);
    await call("DELETE", `/v1/sessions/${id}`);
    const late = await add(id, [ANNA]);
    expect([late.status, late.body.code]).toEqual([409, "not_running"]);
  });

  test("are in the audit log where they are new, without the keys", async () => {
    const { id } = await running({ sshKeys: [ANNA] });
    await add("train", [ANNA]);
    await add("train", [BEN]);
    const { items } = (await call<{ items: AuditEntry[] }>("GET", "/v1/audit")).body;
    const ours = items.filter(({ action }) => action === "addSshKeys");
    expect(ours).toEqual([expect.objectContaining({ target: id, status: 200, project: "default" })]);
    expect(JSON.stringify(items)).not.toContain(BEN.split(" ")[1]);
  });
});

test("a Session has each container's user and host key once they are known", async () => {
  const { link } = await readyNode();
  const { id, containers } = await create({});
  expect(containers[0]!.ssh).toBeNull();
  link.follow();
  const [main] = (await settled(id)).containers;
  const { user, hostKey } = identityOf("main1");
  expect(main!.ssh).toEqual({ user, hostKey: ed25519Line(hostKey) });
});
