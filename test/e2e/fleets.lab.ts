/** Ownership: two fleets on one engine leave each other alone, and an agent that meets another fleet's API removes nothing. */
import { afterAll, describe, expect, test } from "vitest";
import type { SessionView } from "../../shared/session/session-schemas.ts";
import { DEFAULT_SETTINGS } from "../../shared/settings/settings.ts";
import { type Agent, type Api, startAgent, startApi } from "../lab/cluster.ts";
import { leftovers } from "../lab/leftovers.ts";
import { cluster, containerOf, end, HOSTS, running, sh } from "./skein.ts";

const started: { kill(signal: NodeJS.Signals): Promise<unknown> }[] = [];
afterAll(async () => {
  for (const each of started) await each.kill("SIGTERM");
});

async function ask<T>(api: Api, method: string, path: string, body?: object): Promise<T> {
  const response = await fetch(`${api.url}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${api.token}`,
      ...(body ? { "content-type": "application/json" } : {}),
    },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  return (await response.json()) as T;
}

/** A session over all hosts that is cheap to make. */
const SPREAD = { image: "skein/busybox:1", clusterMode: "multi-node", clusterSize: HOSTS } as const;

/** Another fleet with an agent on the first lab host, beside the first fleet's. */
async function secondFleet(): Promise<{ api: Api; agent: Agent }> {
  const { lab } = await cluster();
  const api = await startApi(lab, { name: "other", port: 8888 });
  const { token: joinToken } = await ask<{ token: string }>(api, "POST", "/v1/join-tokens");
  const agent = await startAgent(lab.hosts[0]!, { api: api.url, joinToken, name: "beside", flags: [] });
  started.push(agent, api);
  return { api, agent };
}

describe("a second fleet's agent on the same engine", () => {
  test("neither touches the other's objects, also when one restarts or ends its sessions", async () => {
    const { agents, lab, leftovers } = await cluster();
    const first = await running({
      image: "skein/debian:12",
      clusterMode: "multi-node",
      clusterSize: 3,
      name: "same",
    });
    const { api, agent } = await secondFleet();
    const made = await ask<SessionView>(api, "POST", "/v1/sessions?wait=60", {
      image: "skein/debian:12",
      clusterSize: 2,
      name: "same",
    });
    expect(made.status, made.reason ?? "").toBe("running");
    expect(made.network!.subnet).not.toBe(first.network!.subnet);

    // Both sweep at start: each finds the other's objects and leaves them.
    const docker = lab.hosts[0]!.docker;
    const runs = async (session: SessionView, host: string) =>
      (await docker.getContainer(containerOf(session, host).containerId!).inspect()).State.Running;
    const mine = first.containers.find((each) => each.node === lab.hosts[0]!.name)!.host;
    await agents[0]!.kill("SIGKILL");
    await agents[0]!.restart();
    await agent.kill("SIGKILL");
    await agent.restart();
    expect(await runs(first, mine)).toBe(true);
    expect(await runs(made, "sub1")).toBe(true);

    await end(first);
    expect(await runs(made, "sub1")).toBe(true);
    const again = await running({ image: "skein/debian:12", clusterMode: "multi-node", clusterSize: 3 });
    await ask(api, "DELETE", `/v1/sessions/${made.id}`);
    const over = await ask<SessionView>(api, "GET", `/v1/sessions/${made.id}?wait=60`);
    expect(over.status).toBe("terminated");
    expect(await sh(again, "main1", "ssh sub1 hostname && ssh sub2 hostname")).toBe("sub1\nsub2\n");
    await end(again);
    expect(await leftovers()).toEqual([]);
  });
});

describe("an agent that meets an API with an empty database", () => {
  test("stops and says so; it removes nothing", async () => {
    const { lab } = await cluster();
    const api = await startApi(lab, { name: "emptied", port: 8889 });
    const { token: joinToken } = await ask<{ token: string }>(api, "POST", "/v1/join-tokens");
    const agent = await startAgent(lab.hosts[1]!, { api: api.url, joinToken, name: "orphan", flags: [] });
    started.push(agent);
    const session = await ask<SessionView>(api, "POST", "/v1/sessions?wait=60", { image: "skein/busybox:1" });
    expect(session.status, session.reason ?? "").toBe("running");

    await api.kill("SIGKILL");
    const empty = await startApi(lab, { name: "empty", port: 8889 });
    started.push(empty);
    expect(await agent.exited).not.toBe(0);
    expect(agent.log()).toMatch(/another fleet|does not know/);
    const container = lab.hosts[1]!.docker.getContainer(session.containers[0]!.containerId!);
    expect((await container.inspect()).State.Running).toBe(true);

    // With its own API back, the agent goes on where it was.
    await empty.kill("SIGKILL");
    await api.restart();
    started.push(api);
    await agent.restart();
    await ask(api, "DELETE", `/v1/sessions/${session.id}`);
    const over = await ask<SessionView>(api, "GET", `/v1/sessions/${session.id}?wait=60`);
    expect(over.status).toBe("terminated");
    await expect(container.inspect()).rejects.toMatchObject({ statusCode: 404 });
  });
});

describe("VXLAN devices of somebody else with the VNIs that would come next", () => {
  test("cost the first session one plan more at most, and later ones nothing", async () => {
    const { lab, leftovers } = await cluster();
    const first = await running(SPREAD);
    const vnis = Array.from({ length: 10 }, (_, i) => first.network!.vni! + 1 + i);
    const onEach = (argv: (vni: number) => string[]) =>
      Promise.all(
        lab.hosts.map(async (host) => {
          for (const vni of vnis) expect(await host.exec(argv(vni))).toMatchObject({ code: 0 });
        }),
      );
    const port = String(DEFAULT_SETTINGS.vxlanPort);
    await onEach((vni) => [
      "ip",
      "link",
      "add",
      `vx${vni}`,
      ...["type", "vxlan", "id", `${vni}`, "dstport", port],
    ]);
    try {
      const second = await running(SPREAD);
      expect(second.epoch).toBeLessThanOrEqual(2);
      const third = await running(SPREAD);
      expect(third.epoch).toBe(1);
      const sessions = [first, second, third];
      expect(sessions.slice(1).map(({ network }) => vnis.includes(network!.vni!))).toEqual([false, false]);
      await Promise.all(sessions.map(expectReach));
      await Promise.all(sessions.map(end));
    } finally {
      await onEach((vni) => ["ip", "link", "del", `vx${vni}`]);
    }
    expect(await leftovers()).toEqual([]);
  });
});

describe("two fleets with agents on all hosts", () => {
  test("run ten sessions each at once, all by the second plan, and none is disturbed", async () => {
    const { api, agents, lab } = await cluster();
    const other = await startApi(lab, { name: "twin", port: 8892 });
    const others = await Promise.all(
      lab.hosts.map(async (host) => {
        const { token: joinToken } = await ask<{ token: string }>(other, "POST", "/v1/join-tokens");
        return startAgent(host, { api: other.url, joinToken, name: `${host.name}-twin`, flags: [] });
      }),
    );
    started.push(...others, other);
    const ten = (of: Api) =>
      Array.from({ length: 10 }, () => ask<SessionView>(of, "POST", "/v1/sessions?wait=60", SPREAD));
    const made = await Promise.all([...ten(api), ...ten(other)]);
    expect(made.map(({ status, reason, epoch }) => ({ status, reason, late: epoch > 2 }))).toEqual(
      made.map(() => ({ status: "running", reason: null, late: false })),
    );
    await Promise.all(made.map(expectReach));
    const [mine, theirs] = [made.slice(0, 10), made.slice(10)];
    const seen = (of: Api, sessions: SessionView[]) =>
      Promise.all(sessions.map(({ id }) => ask<SessionView>(of, "GET", `/v1/sessions/${id}`)));
    expect([...(await seen(api, mine)), ...(await seen(other, theirs))]).toEqual(made);

    // The end of one fleet's sessions is nothing to the other's.
    await Promise.all(mine.map(end));
    await Promise.all(theirs.map(expectReach));
    await Promise.all(theirs.map(({ id }) => ask(other, "DELETE", `/v1/sessions/${id}`)));
    const over = await Promise.all(
      theirs.map(({ id }) => ask<SessionView>(other, "GET", `/v1/sessions/${id}?wait=60`)),
    );
    expect(over.map(({ status }) => status)).toEqual(theirs.map(() => "terminated"));
    expect(await leftovers([...agents, ...others])).toEqual([]);
  });
});

async function expectReach(session: SessionView): Promise<void> {
  expect(await sh(session, "main1", "ssh sub1 hostname && ssh sub2 hostname")).toBe("sub1\nsub2\n");
}
