/** A process with some thousand simulated agents: `node simulator.ts URL TOKEN`, called over IPC (calls.ts). Ends with its parent. */
import { setTimeout as pause } from "node:timers/promises";
import { backoff } from "../../agent/backoff.ts";
import { eachAtOnce } from "../../test/support/at-once.ts";
import { TestNode } from "../../test/support/node.ts";
import { apiClient } from "../../test/support/server.ts";
import { newTally, SteadfastAgent, type Tally } from "../../test/support/steadfast-agent.ts";
import type { Call, Calls, JoinOrder, Reply } from "./calls.ts";
import { aboutNode, BIG_LABEL } from "./simulated-node.ts";

/** How long one call to the API may take. */
const PATIENCE_MS = 30_000;

const [url, token] = process.argv.slice(2) as [string, string];
const api = apiClient({ url, token }, PATIENCE_MS);
const tally = newTally();
let guest: SteadfastAgent | undefined;

const calls: Calls = {
  async join(order) {
    const until = performance.now() + order.limitMs;
    await eachAtOnce(numbersOf(order), order.atOnce, async (number) => {
      if (performance.now() > until) return;
      const node = await joined(number, number < order.big ? BIG_LABEL : {}, until);
      if (node) await new SteadfastAgent(node, tally).start();
    });
  },
  async state() {
    const { user, system } = process.cpuUsage();
    const { up, failed, traffic } = tally;
    return { up: up.size, failed, traffic, cpuSeconds: (user + system) / 1e6 };
  },
  async mark() {
    tally.up.clear();
    tally.failed = {};
  },
  async joinGuest({ number }) {
    const node = await TestNode.join(api, `guest${number}`, aboutNode(number));
    const own: Tally = newTally();
    guest = new SteadfastAgent(node, own);
    await guest.start();
    if (own.up.size === 0) throw new Error(Object.keys(own.failed).join("; "));
    return node.id;
  },
  async leaveGuest() {
    guest?.leave();
  },
};

function* numbersOf({ first, step, end }: JoinOrder): Generator<number> {
  for (let number = first; number < end; number += step) yield number;
}

/** Retries until the time is up. A try whose answer was lost may have taken the name, so each try has its own. */
async function joined(
  number: number,
  labels: Record<string, string>,
  until: number,
): Promise<TestNode | undefined> {
  for (let trial = 0; performance.now() < until; trial++) {
    const name = trial === 0 ? `n${number}` : `n${number}-${trial}`;
    try {
      return await TestNode.join(api, name, aboutNode(number), labels);
    } catch (error) {
      const why = `joining: ${(error as Error).message}`;
      tally.failed[why] = (tally.failed[why] ?? 0) + 1;
      await pause(backoff(trial, Math.random()));
    }
  }
  return undefined;
}

process.on("message", async ({ id, name, order }: Call) => {
  const work = calls[name] as (order: unknown) => Promise<unknown>;
  const reply: Reply = await work(order).then(
    (answer) => ({ id, answer }),
    (error: Error) => ({ id, error: error.message }),
  );
  process.send!(reply);
});
// The parent is gone, or wants this process to end.
process.on("disconnect", () => process.exit());
// Ctrl-C at the terminal also signals this process; its parent ends it in order.
process.on("SIGINT", () => {});
