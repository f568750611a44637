/** Ways into containers are in the audit log before they open. */
import { reset, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, expect, test, vi } from "vitest";
import type { AuditEntry } from "../../shared/access/access-schemas.ts";
import type { TunnelWanted } from "../../shared/protocol/protocol.ts";
import { Fleet } from "../index.ts";
import { fleetOf } from "../platform/objects.ts";
import { call, create, mint } from "../testing/call-api.ts";
import { readyNode } from "../testing/fake-agent.ts";
import { dialStream, FakeClient } from "../testing/fake-client.ts";
import { FakeTunnel } from "../testing/fake-tunnel.ts";
import { withSettings } from "../testing/settings.ts";

afterEach(() => {
  vi.restoreAllMocks();
  return reset();
});

async function log(): Promise<AuditEntry[]> {
  return (await call<{ items: AuditEntry[] }>("GET", "/v1/audit?limit=200")).body.items;
}

async function ways() {
  const entries = (await log()).filter(({ status }) => status === 101);
  return entries.map(({ actor, project, action, target }) => [actor, project, action, target]);
}

/** A session that runs with its tunnel open, and paths into its main1 by its name. */
async function running() {
  const { agent, link } = await readyNode();
  link.follow();
  const { id, status } = await create({ name: "train" }, "?wait=20");
  expect(status).toBe("running");
  // Any request to enter asks the node for the tunnel. Without an upgrade it is refused after that.
  const asked = call("GET", `/v1/sessions/${id}/containers/main1/exec`);
  await link.next<TunnelWanted>("tunnel");
  await FakeTunnel.open(agent, id);
  expect((await asked).status).toBe(426);
  return { id, path: (what: string) => `/v1/sessions/train/containers/main1/${what}` };
}

test("each exec, and a port once however often it is connected to: who, which container, which kind", async () => {
  const { id, path } = await running();
  const other = await mint("user", "default");
  for (const _ of [1, 2]) await FakeClient.open(path("exec"));
  for (const _ of [1, 2, 3]) await FakeClient.open(path("ports/8888"));
  await FakeClient.open(path("ports/8888"), other.headers);
  expect(await ways()).toEqual([
    [other.id, "default", "forwardPort", `${id}/main1:8888`],
    ["admin-token", "default", "forwardPort", `${id}/main1:8888`],
    ["admin-token", "default", "execContainer", `${id}/main1`],
    ["admin-token", "default", "execContainer", `${id}/main1`],
  ]);
});

test("what was refused is not among them; reading is no way in", async () => {
  const { id, path } = await running();
  const viewer = await mint("viewer");
  expect((await dialStream(path("exec"), viewer.headers)).status).toBe(403);
  expect((await dialStream(`/v1/sessions/${id}/containers/sub9/exec`)).status).toBe(404);
  await call("GET", `/v1/sessions/${id}`);
  expect(await ways()).toEqual([]);
});

test("nothing opens that could not be noted", async () => {
  const { path } = await running();
  vi.spyOn(console, "error").mockImplementation(() => {});
  vi.spyOn(Fleet.prototype, "noteWayIn").mockImplementation(() => {
    throw new Error("lost on the way");
  });
  expect((await dialStream(path("exec"))).status).toBe(500);
});

test("the last ones are kept, as many as the setting says, and they displace no change", async () => {
  const { id, path } = await running();
  const changes = (await log()).length;
  await withSettings({ auditWaysIn: 3 }, async () => {
    for (const port of [1, 2, 3, 4, 5]) await FakeClient.open(path(`ports/${port}`));
  });
  expect((await ways()).map(([, , , target]) => target)).toEqual(
    [5, 4, 3].map((port) => `${id}/main1:${port}`),
  );
  expect(await log()).toHaveLength(changes + 3);
});

test("a thousand connections to one port write one entry", async () => {
  const by = { actor: "tok_1", project: "p" };
  for (let i = 0; i < 1000; i++) await fleetOf(env).noteWayIn(by, "forwardPort", "ses_1/main1:80");
  const rows = await runInDurableObject(fleetOf(env), (_, { storage }) =>
    storage.sql.exec("SELECT * FROM audit WHERE kind = 'wayIn'").toArray(),
  );
  expect(rows).toHaveLength(1);
});
