/** The API, a node's cable or its agent is lost in the middle of copies, both ways. It is said, with a reason, and nothing stays open. */
import { mkdtemp, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { SessionView } from "../../shared/session/session-schemas.ts";
import type { Agent } from "../lab/cluster.ts";
import { type Command, skein, start } from "./cli.ts";
import { cluster, connections, containerOf, end, running, sh } from "./skein.ts";

/** What a user may wait for word of a fault. */
const WORD_MS = 30_000;
/** As good as endless: of zeros, so that they take no room here. */
const ENDLESS = 20 * 2 ** 30;

let session: SessionView;
let agent: Agent;
let scratch: string;
/** Connections to the API before all this. */
let connected: Record<string, number>;
const here = (name: string) => join(scratch, name);

beforeAll(async () => {
  connected = await connections();
  scratch = await mkdtemp(join(tmpdir(), "skein-copies-"));
  await writeFile(here("endless"), "");
  await truncate(here("endless"), ENDLESS);
  // One container for each way: an engine serves one copy of a container at a time, and no exec meanwhile.
  session = await running({ name: "copies", image: "skein/debian:12", clusterSize: 2 });
  await sh(session, "main1", `truncate -s ${ENDLESS} /tmp/endless`);
  const { agents } = await cluster();
  agent = agents.find(({ name }) => name === containerOf(session, "main1").node)!;
});

afterAll(async () => {
  await rm(scratch, { recursive: true });
  await end(session);
});

/** Bytes that a command has read and written. */
async function moved({ pid }: Command): Promise<number> {
  const text = await readFile(`/proc/${pid}/io`, "utf8");
  return Number(/wchar: (\d+)/.exec(text)![1]);
}

interface Fault {
  what: string;
  /** Each has its own way to be noticed. */
  always?: boolean;
  begin(): Promise<void>;
  end(): Promise<void>;
}

const FAULTS: Fault[] = [
  {
    what: "the API, killed",
    begin: async () => (await cluster()).api.kill("SIGKILL"),
    end: async () => (await cluster()).api.start(),
  },
  {
    what: "the API's cable, pulled",
    begin: async () => (await cluster()).lab.api.linkDown(),
    end: async () => (await cluster()).lab.api.linkUp(),
  },
  {
    what: "the node's agent, killed",
    always: true,
    begin: () => agent.kill("SIGKILL"),
    end: () => agent.start(),
  },
  {
    what: "the node's cable, pulled",
    always: true,
    begin: () => agent.host.linkDown(),
    end: () => agent.host.linkUp(),
  },
];

/** `npm run faults` has all of them. */
const tried = FAULTS.filter(({ always }) => always || process.env["SKEIN_FAULTS"] === "whole");

test.each(tried)(
  "$what: copies both ways end with a reason; then copies work again, and nothing is left open",
  async ({ what, ...fault }) => {
    const copies = await Promise.all([
      start(["cp", here("endless"), "copies/sub1:/tmp"]),
      start(["cp", "copies:/tmp/endless", here("out")]),
    ]);
    for (const copy of copies)
      await expect.poll(() => moved(copy), { timeout: WORD_MS }).toBeGreaterThan(50_000_000);
    const before = performance.now();
    await fault.begin();
    const ends = await Promise.all(
      copies.map(async ({ ended }) => ({ ...(await ended), ms: Math.round(performance.now() - before) })),
    ).finally(() => fault.end());
    console.log(
      `${what}: in ${ends[0]!.ms} ms, out ${ends[1]!.ms} ms: ${ends.map(({ stderr }) => stderr.trim())}`,
    );
    for (const { code, stderr, ms } of ends) {
      expect([code, stderr]).toEqual([1, expect.stringMatching(/^skein: \S.*\n/)]);
      expect(ms).toBeLessThan(WORD_MS);
    }
    const again = async () => (await skein(["cp", "copies:/etc/hostname", here("small")])).code;
    await expect.poll(again, { timeout: 90_000, interval: 1000 }).toBe(0);
    // The session's tunnel may stay for a minute.
    const most = { ...connected, [agent.name]: connected[agent.name]! + 1 };
    const over = async () =>
      Object.entries(await connections()).filter(([node, count]) => count > most[node]!);
    await expect.poll(over, { timeout: 60_000 }).toEqual([]);
    await sh(session, "sub1", "rm -f /tmp/endless");
    await rm(here("out"));
  },
);

test("the end of a session ends a copy that stands still, and does not wait for it", async () => {
  const own = await running({ name: "still", image: "skein/debian:12" });
  await sh(own, "main1", `truncate -s ${ENDLESS} /tmp/endless`);
  const copy = await start(["cp", "still:/tmp/endless", here("out")]);
  await expect.poll(() => moved(copy), { timeout: WORD_MS }).toBeGreaterThan(1_000_000);
  copy.signal("SIGSTOP");
  const before = performance.now();
  await end(own);
  expect(performance.now() - before).toBeLessThan(WORD_MS);
  copy.signal("SIGCONT");
  const { code, stderr } = await copy.ended;
  expect([code, stderr]).toEqual([1, expect.stringMatching(/^skein: \S/)]);
});
