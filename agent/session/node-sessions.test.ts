/** All sessions of a node, on an engine that is made up here: which of them live on, and which go. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { LABELS } from "../../shared/protocol/names.ts";
import type { Assignment, Report } from "../../shared/protocol/protocol.ts";
import type { Network } from "../docker/port.ts";
import { makeLog } from "../log.ts";
import type { NodeContext } from "./context.ts";
import { Sessions } from "./node-sessions.ts";

let sessionsDir: string;

beforeEach(() => {
  sessionsDir = mkdtempSync(join(tmpdir(), "skein-sessions-"));
});

afterEach(() => rmSync(sessionsDir, { recursive: true }));

/** Sessions of no containers, whose networks are all there is. */
function node() {
  const here = {
    networks: new Set<string>(),
    reports: [] as Report[],
    /** Awaited before the engine's nth list of containers. */
    listing: async (_nth: number): Promise<void> => {},
    listed: 0,
    /** Networks that are there from before. */
    left: [] as Network[],
  };
  const docker = {
    async containers() {
      here.listed++;
      await here.listing(here.listed);
      return [];
    },
    networks: async () => here.left,
    createNetwork: async ({ Name }: { Name: string }) => here.networks.add(Name),
    removeNetwork: async (name: string) => here.networks.delete(name),
  };
  const context = {
    docker,
    owner: { fleet: "flt_1", node: "node_1" },
    runner: { run: async () => "" },
    guard: { add: async () => {}, drop: async () => {} },
    sessionsDir,
    log: makeLog(() => {}),
  };
  const sessions = new Sessions(context as unknown as NodeContext, (report) => here.reports.push(report));
  return { here, sessions };
}

const labelsOf = (session: string) => ({
  [LABELS.fleet]: "flt_1",
  [LABELS.node]: "node_1",
  [LABELS.session]: session,
});

const assignment = (epoch: number): Assignment => ({
  session: "ses_1",
  name: "one",
  epoch,
  network: {
    driver: "bridge",
    subnet: "10.64.0.0/24",
    gateway: "10.64.0.254",
    vtep: "192.0.2.1",
    mtu: 1500,
    port: 14789,
    egress: true,
    peers: [],
  },
  containers: [],
  members: [],
  proofs: [],
});
const prepared = (epoch: number) => ({
  ...({ type: "assign", session: "ses_1", epoch, phase: "prepared" } as const),
  ...{ assignment: assignment(epoch), hash: `hash of ${epoch}` },
});
const removed = (epoch: number) => ({ type: "assign", session: "ses_1", epoch, phase: "removed" }) as const;

test("a session whose next plan came while its last one was being removed is still known, and goes with the welcome", async () => {
  const { here, sessions } = node();
  const said = () => here.reports.map(({ phase, epoch }) => `${phase} ${epoch}`);
  sessions.welcome([]);
  sessions.assign(prepared(1));
  await expect.poll(said).toEqual(["prepared 1"]);

  const listing = Promise.withResolvers<void>();
  here.listing = () => listing.promise;
  const { listed } = here;
  sessions.assign(removed(1));
  await expect.poll(() => here.listed).toBeGreaterThan(listed);
  sessions.assign(prepared(2));
  listing.resolve();
  await expect.poll(said).toEqual(["prepared 1", "removed 1", "prepared 2"]);
  expect(here.networks.size).toBe(1);

  sessions.welcome([]);
  await expect.poll(() => here.networks.size).toBe(0);
});

test("a session that is asked for while what is left of it is swept away has its say", async () => {
  const { here, sessions } = node();
  const listing = Promise.withResolvers<void>();
  here.left = [{ id: "n1", name: "skein-x", subnets: [], labels: labelsOf("ses_1") }];
  // The first is the stock that is taken, the second the removal's.
  here.listing = (nth) => (nth === 1 ? Promise.resolve() : listing.promise);
  sessions.welcome([]);
  await expect.poll(() => here.listed).toBe(2);
  sessions.assign(prepared(2));
  here.left = [];
  listing.resolve();
  await expect
    .poll(() => here.reports.map(({ phase, epoch }) => `${phase} ${epoch}`))
    .toContain("prepared 2");
});
