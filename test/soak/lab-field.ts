/** A soak run's field on the lab: a real engine, agent and container, whose processes and call sockets are counted too. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { type Cluster, startCluster } from "../lab/cluster.ts";
import { processesOf } from "../lab/processes.ts";
import { apiClient } from "../support/server.ts";
import type { Field } from "./field.ts";

const PORT = 7;

const ECHO = `
import socket, threading
def echo(peer):
    try:
        while data := peer.recv(65536): peer.sendall(data)
    except OSError: pass
    finally: peer.close()
listener = socket.create_server(("0.0.0.0", ${PORT}), backlog=1024)
while True: threading.Thread(target=echo, args=[listener.accept()[0]], daemon=True).start()
`;

export async function labField(): Promise<Field> {
  const cluster = await startCluster({ hosts: 1 });
  const { api, skein } = cluster;
  const session = await cluster.create({ image: "skein/debian:12", command: ["python3", "-c", ECHO] });
  if (session.status !== "running") throw new Error(session.reason ?? session.status);
  const listens = ["sh", "-c", `grep -q ':${PORT.toString(16).padStart(4, "0")} 0*:0000 0A' /proc/net/tcp`];
  while ((await cluster.exec(session, "main1", listens)).code !== 0) await pause(100);
  const pids = processesOfSkein(cluster);
  return {
    api: apiClient({ url: api.url, token: api.token }),
    skein,
    session: session.id,
    port: PORT,
    commands: {
      ...{ cat: ["cat"], exitCode: 0 },
      ...{ readsNothing: ["sleep", "infinity"], writes: ["cat", "/dev/zero"] },
    },
    pids: { ...pids, client: process.pid },
    collect: () => collectGarbageOf(cluster, pids.agent),
    left: async () => ({
      "processes in the container": await processesIn(cluster, session.containers[0]!.containerId!),
      "sockets that a program of the container may call": callSockets(cluster),
    }),
    async close() {
      await cluster.end(session);
      await cluster.close();
    },
  };
}

function processesOfSkein({ lab }: Cluster): { workerd: number; agent: number } {
  const find = (netns: string, isIt: (argv: string[]) => boolean) =>
    processesOf(netns, "no group").find(({ argv }) => isIt(argv))!.pid;
  return {
    workerd: find(lab.api.netns, ([name]) => name!.endsWith("/workerd")),
    agent: find(lab.hosts[0]!.netns, (argv) => argv.includes("agent")),
  };
}

async function collectGarbageOf({ lab }: Cluster, agent: number): Promise<void> {
  const program = join(import.meta.dirname, "collect-garbage.ts");
  const { code, stderr } = await lab.hosts[0]!.exec([process.execPath, program, String(agent)]);
  if (code !== 0) throw new Error(`the agent's garbage was not collected: ${stderr}`);
}

async function processesIn({ lab }: Cluster, containerId: string): Promise<number> {
  const { Processes } = await lab.hosts[0]!.docker.getContainer(containerId).top();
  return Processes.length;
}

function callSockets({ agents }: Cluster): number {
  const files = readdirSync(agents[0]!.stateDir, { recursive: true, encoding: "utf8" });
  return files.filter((path) => /(^|\/)call-[^/]*$/.test(path)).length;
}
