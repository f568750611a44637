/** The table of faults: each strikes a part of the cluster, and repairs it before it resolves. */
import { setTimeout as pause } from "node:timers/promises";
import type { Agent } from "../lab/cluster.ts";
import { diskAt } from "../lab/small-disk.ts";
import type { Draw, Fault } from "./fault.ts";
import { CONTAINER_FAULTS, KERNEL_FAULTS } from "./outside.ts";

export const FAULTS: readonly Fault[] = [
  { name: "agent killed", weight: 4, on: ["agent"], lasts: [0, 3_000], strike: agentEnds("SIGKILL") },
  { name: "agent stopped", weight: 3, on: ["agent"], lasts: [0, 3_000], strike: agentEnds("SIGTERM") },
  { name: "agent frozen", weight: 3, on: ["agent"], lasts: [500, 5_000], strike: agentFreezes },
  { name: "API killed", weight: 3, on: ["api"], lasts: [0, 2_000], strike: apiDies },
  { name: "link cut", weight: 4, on: ["link"], lasts: [200, 6_000], strike: linkIsCut },
  { name: "link flaps", weight: 3, on: ["link"], lasts: [50, 300], strike: linkFlaps },
  { name: "engine killed", weight: 1, on: ["engine"], lasts: [0, 3_000], strike: engineEnds("killEngine") },
  { name: "engine stopped", weight: 1, on: ["engine"], lasts: [0, 3_000], strike: engineEnds("stopEngine") },
  { name: "ruleset flushed", weight: 1, on: ["engine"], lasts: [0, 3_000], strike: rulesetIsFlushed },
  { name: "disk full", weight: 2, on: ["disk"], lasts: [500, 5_000], strike: diskIsFull },
  { name: "host restarted", weight: 1, on: ["agent", "engine"], lasts: [0, 3_000], strike: hostRestarts },
  ...CONTAINER_FAULTS,
  ...KERNEL_FAULTS,
];

function agentEnds(signal: NodeJS.Signals): Fault["strike"] {
  return async ({ cluster, at, lasts }) => {
    const agent = cluster.agents[at]!;
    await agent.kill(signal);
    await pause(lasts);
    await untilStarted(agent);
    return true;
  };
}

/** Restarts it as a supervisor would: an agent that finds no engine ends with a reason. */
async function untilStarted(agent: Agent): Promise<void> {
  for (;;) {
    try {
      return await agent.start();
    } catch {
      await pause(500);
    }
  }
}

/** Its connections stay open, but without answers. */
async function agentFreezes({ cluster, at, lasts }: Draw): Promise<boolean> {
  cluster.agents[at]!.signal("SIGSTOP");
  await pause(lasts);
  cluster.agents[at]!.signal("SIGCONT");
  return true;
}

async function apiDies({ cluster, lasts }: Draw): Promise<boolean> {
  await cluster.api.kill("SIGKILL");
  await pause(lasts);
  await cluster.api.start();
  return true;
}

async function linkIsCut({ cluster, at, lasts }: Draw): Promise<boolean> {
  const host = cluster.lab.hosts[at]!;
  await host.linkDown();
  await pause(lasts);
  await host.linkUp();
  return true;
}

async function linkFlaps(draw: Draw): Promise<boolean> {
  for (let times = 0; times < 5; times++) {
    await linkIsCut(draw);
    await pause(draw.lasts);
  }
  return true;
}

function engineEnds(how: "killEngine" | "stopEngine"): Fault["strike"] {
  return async ({ cluster, at, lasts }) => {
    const host = cluster.lab.hosts[at]!;
    await host[how]();
    await pause(lasts);
    await host.startEngine();
    return true;
  };
}

/** The agent's own disk; an engine without space is like one that is down. */
async function diskIsFull({ cluster, at, lasts }: Draw): Promise<boolean> {
  const disk = diskAt(cluster.agents[at]!.stateDir);
  disk.fill();
  await pause(lasts);
  disk.free();
  return true;
}

/** Docker's own rules go too, so that it can make no network until the engine restarts. The fault does that, too. */
async function rulesetIsFlushed({ cluster, at, lasts }: Draw): Promise<boolean> {
  const host = cluster.lab.hosts[at]!;
  await host.exec(["nft", "flush", "ruleset"]);
  await pause(lasts);
  await host.stopEngine();
  await host.startEngine();
  return true;
}

/** Agent, engine and containers end, and what was in the kernel is lost. */
async function hostRestarts({ cluster, at, lasts }: Draw): Promise<boolean> {
  const [host, agent] = [cluster.lab.hosts[at]!, cluster.agents[at]!];
  await agent.kill("SIGKILL");
  await host.stopEngine();
  const { stdout } = await host.exec(["ip", "-brief", "link", "show"]);
  for (const [, link] of stdout.matchAll(/^(sk[bev]\S+)/gm)) await host.exec(["ip", "link", "delete", link!]);
  await host.exec(["nft", "flush", "ruleset"]);
  await pause(lasts);
  await host.startEngine();
  await untilStarted(agent);
  return true;
}
