/** Other settings and another release of the API: running sessions go on as what they are, and new ones work. */
import { existsSync, globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import type { SessionView } from "../../shared/session/session-schemas.ts";
import { DEFAULT_SETTINGS, SETTING_NAMES, type Settings } from "../../shared/settings/settings.ts";
import { Api, type Cluster } from "../lab/cluster.ts";
import { FROM_THE_FUTURE, otherApiBuild } from "../support/api-other-build.ts";
import { expectSsh } from "./matrix.ts";
import { cluster, containerOf, dockerOf, end, get, HOSTS, running } from "./skein.ts";

/** Every setting, and none at its default. */
const CHANGED: Settings = {
  addressPool: "10.128.0.0/12",
  vniBase: 0x10_0000,
  vniCount: 0xf_ffff,
  vxlanPort: 24789,
  maxContainers: 64,
  maxLiveSessions: 100,
  maxLiveContainers: 1000,
  requestsPerMinute: 1_000_000,
  requestBurst: 1_000_000,
  maxLinks: 100,
  maxBodyBytes: 512 * 1024,
  maxSessionBytes: 4 * 1024 * 1024,
  joinTokenSeconds: 1800,
  tokenSeconds: 24 * 3600,
  maxTokenSeconds: 7 * 24 * 3600,
  auditChanges: 1000,
  auditWaysIn: 1000,
  idempotencySeconds: 3600,
  sessionRetentionSeconds: 24 * 3600,
  logBytes: 2 * 1024 * 1024,
  maxEndedSessions: 1000,
  nodeLeaseSeconds: 45,
  queuePatienceSeconds: 60,
  prepareSeconds: 900,
  prepareQuietSeconds: 200,
  startSeconds: 300,
  gateSeconds: 1800,
  removeSeconds: 200,
  removalGraceSeconds: 20,
  appsDomain: "other.skein.test",
  maxEpochs: 3,
};

let shared: Cluster;
/** The API that runs now. */
let current: Api;
const sessions: SessionView[] = [];
/** When each container was started, by the engine; by its id. */
const startedAt = new Map<string, string>();

beforeAll(async () => {
  shared = await cluster();
  current = shared.api;
  await runOne("single-node");
  await runOne("multi-node");
});

afterAll(async () => {
  if (current !== shared.api) await replaceBy(shared.api);
  for (const each of sessions) await end(each);
  expect(await shared.leftovers()).toEqual([]);
});

async function runOne(clusterMode: SessionView["clusterMode"]): Promise<SessionView> {
  const session = await running({ image: "skein/debian:12", clusterMode, clusterSize: HOSTS });
  for (const { host, containerId } of session.containers)
    startedAt.set(containerId!, await startOf(session, host));
  sessions.push(session);
  return session;
}

async function startOf(session: SessionView, host: string): Promise<string> {
  const docker = await dockerOf(session, host);
  const { State } = await docker.getContainer(containerOf(session, host).containerId!).inspect();
  return State.Running ? State.StartedAt : State.Status;
}

/** Stops one API and starts another on the same data and port; resolves when all agents have a link to it. */
async function replaceBy(next: Api): Promise<void> {
  await current.kill();
  const marks = shared.agents.map((agent) => agent.log().length);
  current = next;
  await next.start();
  await vi.waitFor(
    () =>
      shared.agents.forEach((agent, i) => {
        expect(agent.log().slice(marks[i])).toContain("link is up");
      }),
    { timeout: 30_000, interval: 50 },
  );
}

/** All sessions are what they were: view, containers, starts of containers, SSH. */
async function expectUntouched(): Promise<void> {
  for (const session of sessions) {
    expect(await get(session.id)).toEqual(session);
    for (const { host, containerId } of session.containers)
      expect(await startOf(session, host), host).toBe(startedAt.get(containerId!));
    await expectSsh(session);
  }
}

function api(options: { settings?: Settings; checkout?: string }): Api {
  return new Api(shared.lab, { name: "api", port: 8787, ...options });
}

/** UDP ports of a node's VXLAN devices, by VNI. */
async function vxlanPorts(): Promise<Map<number, number>> {
  const { stdout } = await shared.lab.hosts[0]!.exec([
    "ip",
    "-details",
    "-json",
    "link",
    "show",
    "type",
    "vxlan",
  ]);
  const links = JSON.parse(stdout) as { linkinfo: { info_data: { id: number; port: number } } }[];
  return new Map(links.map(({ linkinfo: { info_data } }) => [info_data.id, info_data.port]));
}

test("every setting is changed: no session is touched, new ones have the new settings", async () => {
  for (const name of SETTING_NAMES) expect(CHANGED[name], name).not.toBe(DEFAULT_SETTINGS[name]);
  await replaceBy(api({ settings: CHANGED }));
  const session = await runOne("multi-node");
  expect(session.network!.subnet).toMatch(/^10\.1(2[89]|3\d|4[0-3])\./);
  expect(session.network!.vni).toBeLessThan(CHANGED.vniBase + CHANGED.vniCount);
  const ports = await vxlanPorts();
  expect(ports.get(session.network!.vni!)).toBe(CHANGED.vxlanPort);
  expect(ports.get(sessions[1]!.network!.vni!)).toBe(DEFAULT_SETTINGS.vxlanPort);
  await expectUntouched();
});

test("a build that writes one field more takes over, and this one takes over from it", async () => {
  await replaceBy(api({ checkout: otherApiBuild(join(shared.lab.api.dir, "newer")) }));
  await runOne("single-node");
  await runOne("multi-node");
  await expectUntouched();
  expect(filesWith(FROM_THE_FUTURE)).not.toEqual([]);

  await replaceBy(shared.api);
  await runOne("multi-node");
  await expectUntouched();
});

/** The API's files that have a text in them. */
function filesWith(text: string): string[] {
  const { dataDir } = shared.api;
  const paths = globSync("objects/**/*", { cwd: dataDir, withFileTypes: true });
  return paths
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name))
    .filter((path) => existsSync(path) && readFileSync(path).includes(text));
}
