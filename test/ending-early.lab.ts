/** The agent on real engines: a session that is ended while it comes up stops coming up at once. */
import { cpus } from "node:os";
import type { Readable } from "node:stream";
import { describe, expect, test } from "vitest";
import { engineParallelism } from "../agent/session/concurrency.ts";
import { idle, useAgentLab } from "./support/agent-lab.ts";
import type { ControlSession } from "./support/control.ts";

const here = useAgentLab();

const CONTAINERS = 48;

/** Counts the engine's events of one kind on the node of a session of one node. */
async function counted(session: ControlSession, event: "create" | "start") {
  const [node] = session.parts.keys();
  const { docker } = here.agents.find(({ host }) => node === `node_${host.name}`)!.host;
  const stream = (await docker.getEvents({ filters: { type: ["container"], event: [event] } })) as Readable;
  let count = 0;
  stream.on("data", (chunk: Buffer) => {
    count += chunk.toString().split("\n").filter(Boolean).length;
  });
  return { count: () => count, stop: () => stream.destroy() };
}

describe.each([
  ["prepared", "create"],
  ["started", "start"],
] as const)("a session that is ended on its way to %s", (phase, event) => {
  test(`has the engine ${event} no container but those that it was asked for already`, async () => {
    const session = here.control.plan(idle(CONTAINERS));
    if (phase === "started") await here.control.reach(session, "prepared");
    const events = await counted(session, event);
    try {
      here.control.ask(session, phase);
      await expect.poll(events.count, { interval: 5, timeout: 60_000 }).toBeGreaterThan(3);
      const before = events.count();
      const from = performance.now();
      await here.control.remove(session);
      const took = performance.now() - from;
      // A few more may end, and make way for others, while the word is on its way to the agent.
      expect(events.count() - before).toBeLessThanOrEqual(engineParallelism(cpus().length) + 6);
      expect(took).toBeLessThan(10_000);
    } finally {
      events.stop();
    }
  });
});
