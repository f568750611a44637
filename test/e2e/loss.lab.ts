/** A node that stays away longer than its lease: its sessions fail or go on, and the node cleans up when it is back. */
import { afterAll, expect, test, vi } from "vitest";
import { createSkein } from "../../sdk/index.ts";
import type { SessionView } from "../../shared/session/session-schemas.ts";
import { startAgent, startApi } from "../lab/cluster.ts";
import { dockerExec } from "../lab/docker-exec.ts";
import { leftovers } from "../lab/leftovers.ts";
import { cluster, containerOf } from "./skein.ts";

const started: { kill(signal: NodeJS.Signals): Promise<unknown> }[] = [];
afterAll(async () => {
  for (const each of started) await each.kill("SIGTERM");
});

const SPREAD = { image: "skein/debian:12", clusterMode: "multi-node", clusterSize: 2 } as const;

test("one session fails and is removed at the node's return; one that is kept never stops", async () => {
  const { lab } = await cluster();
  const api = await startApi(lab, { name: "lease", port: 8890, settings: { nodeLeaseSeconds: 5 } });
  started.push(api);
  const skein = createSkein({ api: api.url, token: api.token });
  const [stays, goes] = await Promise.all(
    lab.hosts.slice(0, 2).map(async (host) => {
      const { token: joinToken } = await skein.createJoinToken();
      return startAgent(host, { api: api.url, joinToken, name: `lease-${host.name}` });
    }),
  );
  started.unshift(stays!, goes!);
  const get = async (id: string) => (await skein.getSession({ path: { id } })) as SessionView;
  const make = async (more: object) => {
    const session = (await skein.createSession({
      body: { ...SPREAD, ...more },
      query: { wait: 60 },
    })) as SessionView;
    expect(session.status, session.reason ?? "").toBe("running");
    return session;
  };
  const [fails, kept] = [await make({}), await make({ onNodeLoss: "keep" })];
  const away = (session: SessionView) => session.containers.find(({ node }) => node === goes!.name)!;
  const inspect = (session: SessionView) =>
    goes!.host.docker.getContainer(away(session).containerId!).inspect();

  await goes!.kill("SIGKILL");
  await vi.waitFor(async () => expect((await get(fails.id)).status).toBe("failed"), 60_000);
  expect((await get(fails.id)).reason).toMatch(
    new RegExp(`^node ${goes!.name} is lost: silent for \\d+ s; it held ${away(fails).host}; check`),
  );
  await vi.waitFor(async () => expect(away(await get(kept.id)).status).toBe("lost"), 20_000);
  expect((await get(kept.id)).status).toBe("running");
  // The node got no message, so its containers run on.
  expect((await inspect(fails)).State.Running).toBe(true);
  const { containerId } = kept.containers.find(({ node }) => node === stays!.name)!;
  const ssh = await dockerExec(stays!.host.docker, containerId!, ["ssh", away(kept).host, "hostname"]);
  expect(ssh.stdout).toBe(`${away(kept).host}\n`);

  await goes!.restart();
  await vi.waitFor(async () => expect(away(await get(kept.id)).status).toBe("running"), 20_000);
  expect(containerOf(await get(kept.id), away(kept).host).containerId).toBe(away(kept).containerId);
  await vi.waitFor(async () => {
    await expect(inspect(fails)).rejects.toMatchObject({ statusCode: 404 });
    expect(containerOf(await get(fails.id), away(fails).host).status).toBe("removed");
  }, 20_000);
  await skein.endSession({ path: { id: kept.id } });
  expect((await skein.getSession({ path: { id: kept.id }, query: { wait: 60 } })).status).toBe("terminated");
  expect(await leftovers([stays!, goes!])).toEqual([]);
});
