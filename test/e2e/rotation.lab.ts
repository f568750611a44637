/**
 * A node's stolen key is replaced while the node works: the thief is shut out, the sessions do not notice. A revoked node is shut out for
 * good.
 */
import { cp, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { NodeView } from "../../shared/node/node-schemas.ts";
import type { SessionView } from "../../shared/session/session-schemas.ts";
import { type Agent, startAgent } from "../lab/cluster.ts";
import type { LabHost } from "../lab/host.ts";
import { cluster, end, get, request, running, sh } from "./skein.ts";

const NAME = "rotating";
let host: LabHost;
let agent: Agent;
let session: SessionView;

const flags = ["--label", "rotates=yes"];
const start = async (name: string, more: string[] = []): Promise<Agent> => {
  const { api } = await cluster();
  const { token: joinToken } = (await request<{ token: string }>("POST", "/v1/join-tokens")).body;
  return startAgent(host, { api: api.url, joinToken, name, flags: [...flags, ...more] });
};
const key = (name: string) => readFile(join(host.dir, `agent-${name}`, "node-key.pem"), "utf8");
/** State directory of the agent of that name on the host. */
const steal = (name: string) =>
  cp(agent.stateDir, join(host.dir, `agent-${name}`), {
    recursive: true,
    filter: (path) => !path.includes("/sessions"),
  });

beforeAll(async () => {
  const { lab } = await cluster();
  host = await lab.addHost(NAME);
  agent = await start(NAME);
  session = await running({
    image: "skein/debian:12",
    clusterSize: 2,
    placement: { labels: { rotates: "yes" } },
  });
});
afterAll(async () => {
  await agent.kill();
  await request("DELETE", `/v1/nodes/${NAME}?force=true`);
  await host.remove();
});

test("a stolen key is void once it is replaced, and the node's containers run on", async () => {
  await steal("thief");
  const stolen = await key("thief");
  await agent.kill("SIGKILL");
  agent = await start(NAME, ["--rotate-key"]);
  await expect.poll(() => agent.log(), { timeout: 20_000 }).toMatch(/the node's key was replaced/);
  expect(await key(NAME)).not.toBe(stolen);
  expect((await readdir(agent.stateDir)).filter((name) => name.startsWith("node-key"))).toEqual([
    "node-key.pem",
  ]);
  await expect(start("thief")).rejects.toThrow(/ended with 1:.*the node's key does not match/s);

  expect((await get(session.id)).status).toBe("running");
  expect(await sh(session, "main1", "ssh sub1 hostname")).toBe("sub1\n");
  expect((await request<NodeView>("GET", `/v1/nodes/${NAME}`)).body.status).toBe("ready");
  // From now on only the new key works.
  await agent.kill("SIGKILL");
  agent = await start(NAME);
  await end(session);
  for (const secret of [stolen, await key(NAME)]) {
    const { api } = await cluster();
    const text = secret.split("\n")[1]!;
    for (const log of [agent.log(), api.log()]) expect(log).not.toContain(text);
  }
});

test("a node that is revoked ends, and its key opens no link again", async () => {
  await steal("revoked");
  expect((await request("DELETE", `/v1/nodes/${NAME}?force=true`)).status).toBe(204);
  expect(await agent.exited).toBe(1);
  expect(agent.log()).toMatch(/this fleet does not know the node/);
  await expect(start("revoked")).rejects.toThrow(/ended with 1:.*this fleet does not know the node/s);
});
