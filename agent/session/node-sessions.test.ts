import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { LABELS } from "../../shared/protocol/names.ts";
import type { Assign, Report } from "../../shared/protocol/protocol.ts";
import type { Network } from "../docker/port.ts";
import { makeLog } from "../log.ts";
import { AssignmentStore } from "./assignment-store.ts";
import type { NodeContext } from "./context.ts";
import { Sessions } from "./node-sessions.ts";
import { LAYOUT, NO_LOGS, PART, sentOf } from "./sent-fixtures.ts";

let sessionsDir: string;

beforeEach(() => {
  sessionsDir = mkdtempSync(join(tmpdir(), "skein-sessions-"));
});

afterEach(() => rmSync(sessionsDir, { recursive: true }));

/** A node with a fake engine. Its sessions have no containers, only networks. */
async function node() {
  const owner = { fleet: "flt_1", node: "node_1" };
  const here = {
    networks: new Set<string>(),
    reports: [] as Report[],
    /** How often the firewall was loaded. */
    loads: 0,
    /** How often a network was removed. */
    removals: 0,
    /** The reasons for asking the API again. */
    resyncs: [] as string[],
    /** The engine waits for this before its nth list of containers. */
    listing: async (_nth: number): Promise<void> => {},
    listed: 0,
    /** Networks from an earlier run of the agent. */
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
    async removeNetwork(name: string) {
      here.networks.delete(name);
      here.removals++;
      return true;
    },
  };
  const context = {
    docker,
    owner,
    logs: NO_LOGS,
    runner: { run: async () => "" },
    guard: { add: async () => void here.loads++, drop: async () => {} },
    sessionsDir,
    assignments: await AssignmentStore.open(sessionsDir, owner),
    log: makeLog(() => {}),
  };
  const sessions = new Sessions(
    context as unknown as NodeContext,
    (report) => here.reports.push(report),
    (reason) => here.resyncs.push(reason),
  );
  return { here, sessions, assignments: context.assignments };
}

const labelsOf = (session: string) => ({
  [LABELS.fleet]: "flt_1",
  [LABELS.node]: "node_1",
  [LABELS.session]: session,
});

const assign = (epoch: number, more: Partial<Assign>): Assign => ({
  ...{ type: "assign", session: "ses_1", epoch, phase: "prepared" },
  ...more,
});
const prepared = (epoch: number) => assign(epoch, { layout: LAYOUT, part: PART });
const removed = (epoch: number) => assign(epoch, { phase: "removed" });

test("a session that got its next epoch during a removal is still known, and a welcome without it removes it", async () => {
  const { here, sessions } = await node();
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

test("a session that is wanted again while its remains are swept reports again", async () => {
  const { here, sessions } = await node();
  const listing = Promise.withResolvers<void>();
  here.left = [{ id: "n1", name: "skein-x", subnets: [], labels: labelsOf("ses_1") }];
  // The first list is for the inventory, the second for the removal.
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

test("a later phase needs no assignment; assignment and keys are stored before the agent acts on them", async () => {
  const { here, sessions, assignments } = await node();
  sessions.welcome([]);
  sessions.assign(prepared(1));
  await expect.poll(() => here.reports.map(({ phase }) => phase)).toEqual(["prepared"]);
  expect(assignments.held).toEqual([{ session: "ses_1", epoch: 1, keys: false }]);
  sessions.assign(assign(1, { phase: "started", keys: [] }));
  sessions.assign(assign(1, { phase: "running" }));
  await expect.poll(() => here.reports.map(({ phase }) => phase)).toEqual(["prepared", "started", "running"]);
  expect(assignments.held).toEqual([{ session: "ses_1", epoch: 1, keys: true }]);
  // Identities are reported in the phase `prepared` only.
  expect(here.reports.map(({ identities }) => identities !== undefined)).toEqual([true, false, false]);
  expect(here.resyncs).toEqual([]);
});

test("a restarted agent goes on with the stored assignment; a removal deletes it", async () => {
  const before = await node();
  before.sessions.welcome([]);
  before.sessions.assign(prepared(3));
  await expect.poll(() => before.here.reports).toHaveLength(1);

  const { here, sessions, assignments } = await node();
  expect(assignments.held).toEqual([{ session: "ses_1", epoch: 3, keys: false }]);
  const labels = { ...labelsOf("ses_1"), [LABELS.epoch]: "3" };
  here.left = [{ id: "n1", name: "skein-x", subnets: [], labels }];
  sessions.welcome([assign(3, {})]);
  await expect
    .poll(() => here.reports.map(({ phase, epoch }) => `${phase} ${epoch}`))
    .toEqual(["prepared 3"]);
  // The network was adopted, not made again.
  expect(here.networks.size).toBe(0);
  sessions.assign(removed(3));
  await expect.poll(() => here.reports.at(-1)?.phase).toBe("removed");
  expect([assignments.held, readdirSync(sessionsDir)]).toEqual([[], []]);
});

test.each<[string, Assign]>([
  ["an assignment", assign(2, {})],
  ["its keys", assign(2, { phase: "started", layout: LAYOUT, part: PART })],
])("when it lacks %s it asks for everything again, and makes and sweeps nothing", async (_, lacking) => {
  const { here, sessions, assignments } = await node();
  here.left = [
    { id: "n1", name: "skein-x", subnets: [], labels: { ...labelsOf("ses_1"), [LABELS.epoch]: "2" } },
  ];
  sessions.welcome([lacking]);
  await expect.poll(() => here.resyncs).toHaveLength(1);
  expect(here.reports).toEqual([]);
  expect(assignments.held).toEqual([]);
  // The firewall of the last run still guards it.
  expect(here.loads).toBe(0);
  sessions.welcome([{ ...lacking, layout: LAYOUT, part: PART, keys: [] }]);
  await expect.poll(() => here.reports.at(-1)?.phase).toBe(lacking.phase);
  expect([here.resyncs.length, here.removals]).toEqual([1, 0]);
});

test("a welcome without a stored session removes its files", async () => {
  const before = await node();
  await before.assignments.save(sentOf(1));
  const { sessions, assignments } = await node();
  expect(assignments.held).toHaveLength(1);
  sessions.welcome([]);
  await expect.poll(() => readdirSync(sessionsDir)).toEqual([]);
  expect(assignments.held).toEqual([]);
});

test("an older epoch is removed first, and the stored assignment of the new one stays", async () => {
  const { here, sessions, assignments } = await node();
  sessions.welcome([]);
  sessions.assign(prepared(1));
  await expect.poll(() => here.reports.at(-1)?.phase).toBe("prepared");
  sessions.assign(prepared(2));
  await expect.poll(() => here.reports.at(-1)).toMatchObject({ phase: "prepared", epoch: 2 });
  expect(assignments.held).toEqual([{ session: "ses_1", epoch: 2, keys: false }]);
  expect(await assignments.load("ses_1")).toEqual(sentOf(2));
  // This message about the older epoch is late.
  sessions.assign(assign(1, { phase: "running" }));
  sessions.assign(assign(2, { phase: "started", keys: [] }));
  await expect.poll(() => here.reports.at(-1)).toMatchObject({ phase: "started", epoch: 2 });
  expect(here.resyncs).toEqual([]);
});
