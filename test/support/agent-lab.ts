/** Shared by the tests of the agent on a lab: three hosts with an agent each, and their control plane. */
import { PassThrough } from "node:stream";
import { text } from "node:stream/consumers";
import { setTimeout as delay } from "node:timers/promises";
import type Docker from "dockerode";
import { afterAll, afterEach, beforeAll, expect } from "vitest";
import type { ContainerReport } from "../../shared/protocol/protocol.ts";
import type { LabHost } from "../lab/host.ts";
import { type Lab, startLab } from "../lab/lab.ts";
import { leftovers } from "../lab/leftovers.ts";
import { AgentProcess } from "./agent-process.ts";
import { Control, type ControlSession } from "./control.ts";

/** Address of the test's own process on the lab's LAN. */
export const CLIENT = "198.51.100.1";

export interface AgentLab {
  control: Control;
  /** One per host, in order. */
  agents: AgentProcess[];
  /** A container's host, from the newest report. */
  find(session: ControlSession, host: string): { node: string; machine: LabHost; docker: Docker; id: string };
  /** A container's newest report. */
  reported(session: ControlSession, host: string): ContainerReport;
  /** Output of a shell script in a container, both streams together. */
  sh(session: ControlSession, host: string, script: string): Promise<string>;
  /** Ends all agents with a signal, and starts them again once `meanwhile` is done. */
  away(signal: NodeJS.Signals, meanwhile?: () => Promise<void>): Promise<void>;
}

/** Removing all sessions takes no longer. */
const CLEAR_MS = 120_000;

/** What is left on the agents' hosts, and the last that those agents said. */
async function lastWords(agents: readonly AgentProcess[]): Promise<string> {
  const words = agents.map(async (agent) => {
    const left = await leftovers([agent]);
    return left.length === 0 ? [] : [...left.slice(0, 3), ...agent.log.trimEnd().split("\n").slice(-8)];
  });
  return (await Promise.all(words)).flat().join("\n");
}

/** Brings it up before all tests of a file, and down after them. After each test nothing of any session may be left. */
export function useAgentLab(): AgentLab {
  let lab: Lab;
  const here = { find, reported, sh, away } as AgentLab;

  beforeAll(async () => {
    lab = await startLab({ hosts: 3 });
    here.control = await Control.listen(CLIENT);
    here.agents = lab.hosts.map((host) => new AgentProcess(host, here.control.url).start());
    await here.control.connected(3);
  });

  afterEach(async () => {
    // Something is left only after a failure; removed, so that later tests do not fail, too.
    const late = new AbortController();
    const stuck = delay(CLEAR_MS, undefined, { signal: late.signal }).then(async () => {
      throw new Error(`sessions stay on their nodes\n${await lastWords(here.agents)}`);
    });
    await Promise.race([here.control.clear(), stuck]).finally(() => late.abort());
    expect(await leftovers(here.agents)).toEqual([]);
  });

  afterAll(async () => {
    await Promise.all(here.agents.map((agent) => agent.kill("SIGTERM")));
    await here.control.close();
    await lab.close();
  });

  function nodeOf(session: ControlSession, host: string): string {
    const found = [...session.assignments].find(([, { containers }]) =>
      containers.some((c) => c.host === host),
    );
    return found![0];
  }

  function reported(session: ControlSession, host: string): ContainerReport {
    const report = here.control.reportOf(nodeOf(session, host), session.id);
    return report?.containers.find((each) => each.host === host) ?? { host, status: "pending" };
  }

  function find(session: ControlSession, host: string) {
    const node = nodeOf(session, host);
    const machine = lab.hosts.find(({ name }) => node === `node_${name}`)!;
    return { node, machine, docker: machine.docker, id: reported(session, host).containerId! };
  }

  async function sh(session: ControlSession, host: string, script: string): Promise<string> {
    const { docker, id } = find(session, host);
    const run = await docker
      .getContainer(id)
      .exec({ Cmd: ["sh", "-c", script], AttachStdout: true, AttachStderr: true });
    const [stream, output] = [await run.start({}), new PassThrough()];
    docker.modem.demuxStream(stream, output, output);
    stream.on("end", () => output.end());
    return await text(output);
  }

  async function away(signal: NodeJS.Signals, meanwhile = async () => {}): Promise<void> {
    await Promise.all(here.agents.map((agent) => agent.kill(signal)));
    await here.control.connected(0);
    await meanwhile();
    here.control.reports.length = 0;
    for (const agent of here.agents) agent.start();
    await here.control.connected(3);
  }

  return here;
}

/** Requests for idle containers on one node, or over all nodes. */
export const idle = (size: number, more: object = {}) => ({
  image: "skein/busybox:1",
  clusterSize: size,
  ...more,
});
export const spread = (size: number, more: object = {}) => idle(size, { clusterMode: "multi-node", ...more });
