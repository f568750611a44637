/** A thief with node B's key can do what B can, and nothing to node A or to sessions that B has no part in. */
import { reset } from "cloudflare:test";
import { exports } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { NodeView } from "../../shared/node/node-schemas.ts";
import type { Assign, Identity, Nodes, Report, Welcome } from "../../shared/protocol/protocol.ts";
import type { SessionView } from "../../shared/session/session-schemas.ts";
import { done, hostsOf, identityOf, keysOf } from "../../shared/testing/reports.ts";
import { call, create, ended, settled } from "../testing/call-api.ts";
import type { Connection } from "../testing/connection.ts";
import { type FakeAgent, nodeFacts, readyNode } from "../testing/fake-agent.ts";

let a: { agent: FakeAgent; link: Connection };
let b: { agent: FakeAgent; link: Connection };

const join = (zone: string, address: string) => readyNode({ ...nodeFacts(8, address), labels: { zone } });

beforeEach(async () => {
  [a, b] = [await join("a", "192.0.2.1"), await join("b", "192.0.2.2")];
});
afterEach(() => reset());

/** The thief connects: B's own agent loses its link, which its operator sees. */
async function thief(): Promise<{ link: Connection; welcome: Welcome }> {
  const link = await b.agent.connect();
  const welcome = await link.next<Welcome>("welcome");
  expect((await b.link.closed).code).toBe(4009);
  return { link, welcome };
}

const view = async (id: string) => (await call<SessionView>("GET", `/v1/sessions/${id}`)).body;
const nodeView = async (node: { agent: FakeAgent }) =>
  (await call<NodeView>("GET", `/v1/nodes/${node.agent.id}`)).body;

/** A session on A alone. */
const createOnA = () => create({ placement: { labels: { zone: "a" } }, resources: { cpu: 1 } });
/** main1 and worker1, one on each node, each with a secret of its own in its environment. */
const createOnBoth = () =>
  create({
    clusterMode: "multi-node",
    roles: [
      { name: "main", replicas: 1, env: { TOKEN: "secret-of-main" }, resources: { cpu: 1 } },
      { name: "worker", replicas: 1, env: { TOKEN: "secret-of-worker" }, resources: { cpu: 1 } },
    ],
  });

const forged = (host: string): Identity => ({ ...identityOf(`thief-${host}`), host });
/** A report that claims all this of `hosts`. */
function claim(assign: Assign, hosts: string[], change: Partial<Report>): Report {
  const containers = hosts.map((host) => ({
    host,
    status: "exited" as const,
    containerId: "stolen",
    exitCode: 1,
    output: "stolen",
    reason: "stolen",
  }));
  return { ...done(assign), containers, identities: hosts.map(forged), ...change };
}

/** Frames of a link are handled one after the other. So once this one shows, all earlier frames have been handled. */
async function handled(link: Connection, node: { agent: FakeAgent }): Promise<void> {
  const mark = Math.ceil(Math.random() * 1_000_000);
  link.send({ type: "facts", capacity: { cpu: 8, memory: mark, gpu: 0 }, facts: node.agent.node.facts });
  await expect.poll(async () => (await nodeView(node)).capacity.memory).toBe(mark);
}

describe("with B's stolen key a thief receives", () => {
  test("frames of sessions that B has a part in, and B's part alone", async () => {
    const alone = await createOnA();
    const both = await createOnBoth();
    const [onA, onB] = await Promise.all([
      a.link.asked("prepared", both.id),
      b.link.asked("prepared", both.id),
    ]);
    const { welcome, link } = await thief();
    expect(welcome.assignments.map(({ session }) => session)).toEqual([both.id]);
    expect(hostsOf(welcome.assignments[0]!)).toEqual(hostsOf(onB));

    a.link.send(done(await a.link.asked("prepared", alone.id)));
    a.link.send(done(onA));
    link.send(done(onB));
    await link.asked("started", both.id);
    const secrets = ["secret-of-main", "secret-of-worker"];
    const all = JSON.stringify([welcome, ...link.unread, await again(link)]);
    expect(secrets.filter((secret) => all.includes(secret))).toEqual([onB.part!.containers[0]!.env["TOKEN"]]);
    expect(all).not.toContain(alone.id);
  });

  /** The welcome of a new connection holds everything that B ever receives, in one frame. */
  async function again(link: Connection): Promise<Welcome> {
    const next = await b.agent.connect();
    const welcome = await next.next<Welcome>("welcome");
    expect((await link.closed).code).toBe(4009);
    return welcome;
  }

  test("nothing under another node's id, whatever the query contains", async () => {
    const dial = (query: string) =>
      exports.default.fetch(`https://skein.test/v1/agents/connect?${query}`, {
        headers: { upgrade: "websocket" },
      });
    for (const query of [`node=${b.agent.id}&node=${a.agent.id}`, `node=${a.agent.id}&node=${b.agent.id}`]) {
      expect((await dial(query)).status).toBe(400);
    }
    const asA = await b.agent.connect((hello) => ({ ...hello, node: a.agent.id }));
    expect((await asA.closed).code).toBe(4004);
  });
});

describe("with B's stolen key a thief cannot touch", () => {
  const lies: [string, Partial<Report>][] = [
    ["it failed", { failure: { code: "internal", message: "stolen" } }],
    ["its containers ended", {}],
    ["it runs", { phase: "running" }],
    ["it is removed", { phase: "removed", identities: undefined }],
    ["another epoch came", { epoch: 2, phase: "removed" }],
  ];
  test.each(lies)("a session that B has no part in: %s", async (_what, change) => {
    const { id } = await createOnA();
    const prepared = await a.link.asked("prepared", id);
    const before = await view(id);
    const { link } = await thief();
    link.send(claim(prepared, ["main1"], change));
    await handled(link, b);
    expect(await view(id)).toEqual(before);

    a.link.send(done(prepared));
    expect((await a.link.asked("started", id)).keys).toEqual([keysOf("main1")]);
    a.link.follow();
    a.link.send(done({ ...prepared, phase: "started" }));
    expect((await settled(id)).status).toBe("running");
    link.send(claim(prepared, ["main1"], change));
    await handled(link, b);
    expect((await view(id)).status).toBe("running");
  });

  test("A's containers of a session on both nodes: neither their state nor their keys", async () => {
    const { id } = await createOnBoth();
    const [onA, onB] = await Promise.all([a.link.asked("prepared", id), b.link.asked("prepared", id)]);
    const [host, mine] = [hostsOf(onA)[0]!, hostsOf(onB)[0]!];
    const { link } = await thief();
    link.send({
      ...claim(onB, [host], { phase: "prepared" }),
      identities: [forged(host), forged(mine)],
    });
    await handled(link, b);
    const seen = await view(id);
    expect(seen.status).toBe("preparing");
    expect(seen.containers.find((each) => each.host === host)).toMatchObject({
      status: "pending",
      containerId: null,
      exitCode: null,
      output: null,
      reason: null,
    });

    // The thief can report keys of B's containers, but not of A's.
    a.link.send(done(onA));
    const { keys } = await a.link.asked("started", id);
    const stolen = keysOf(`thief-${mine}`);
    expect(keys).toEqual(host === "main1" ? [keysOf(host), stolen] : [stolen, keysOf(host)]);
    // A second report does not replace the keys of the first.
    link.send({ ...done(onB), identities: [forged(host), identityOf(mine)] });
    await handled(link, b);
    a.link.close();
    await a.link.closed;
    const next = await a.agent.connect();
    const welcome = await next.next<Welcome>("welcome");
    expect(welcome.assignments[0]!.keys).toEqual(keys);
  });

  test("what A still holds: only A can confirm its removal, and its resources stay reserved until then", async () => {
    const { id } = await createOnBoth();
    const [onA, onB] = await Promise.all([a.link.asked("prepared", id), b.link.asked("prepared", id)]);
    const { link } = await thief();
    await call("DELETE", `/v1/sessions/${id}`);
    const hosts = [onA, onB].flatMap(hostsOf);
    link.send(claim(await link.asked("removed", id), hosts, { phase: "removed" }));
    await expect.poll(async () => (await nodeView(b)).allocated.cpu).toBe(0);
    expect((await view(id)).status).toBe("terminating");
    expect((await nodeView(a)).allocated.cpu).toBe(1);
    a.link.send(done(await a.link.asked("removed", id)));
    await ended(id);
    await expect.poll(async () => (await nodeView(a)).allocated.cpu).toBe(0);
  });

  test("A's facts, nor B's own labels", async () => {
    const before = await nodeView(a);
    const { link } = await thief();
    link.send({
      type: "facts",
      node: a.agent.id,
      id: a.agent.id,
      labels: { zone: "a" },
      capacity: { cpu: 99, memory: 1, gpu: 0 },
      facts: b.agent.node.facts,
    });
    await expect.poll(async () => (await nodeView(b)).capacity.cpu).toBe(99);
    expect({ ...(await nodeView(a)), lastSeenAt: null }).toEqual({ ...before, lastSeenAt: null });
    expect((await nodeView(b)).labels).toEqual({ zone: "b" });
  });

  test("what A's containers reach: an address that B claims is not blocked for them", async () => {
    const nfs = "198.51.100.99";
    const link = await b.agent.connect((hello) => ({
      ...hello,
      address: nfs,
      facts: { ...hello.facts, addresses: [nfs] },
    }));
    await link.next<Welcome>("welcome");
    expect((await nodeView(b)).address).toBe(nfs);
    a.link.close();
    await a.link.closed;
    const next = await a.agent.connect();
    await next.next<Welcome>("welcome");
    // Only a node that has work receives addresses.
    await createOnA();
    await next.asked("prepared");
    expect((await next.next<Nodes>("nodes")).added).toEqual(["192.0.2.1-192.0.2.2"]);
  });

  test("what A writes into its containers: a login name cannot add a second line", async () => {
    const { id } = await createOnBoth();
    const onB = await b.link.asked("prepared", id);
    const { link } = await thief();
    const host = hostsOf(onB)[0]!;
    const user = "root\n  ProxyCommand touch /tmp/stolen";
    link.send({ ...done(onB), identities: [{ ...forged(host), user }] });
    expect((await link.closed).code).toBe(4000);
    expect((await view(id)).status).toBe("preparing");
  });
});
