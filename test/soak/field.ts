/** What a soak run works on: an API, a session with a container that echoes, and the processes to watch. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createSkein, type Skein } from "../../sdk/index.ts";
import { type ApiClient, testApi } from "../support/server.ts";
import { EXIT_CODE, STALLED } from "./serve-simulated.ts";

export interface Field {
  api: ApiClient;
  skein: Skein;
  session: string;
  /** A port that echoes. */
  port: number;
  /** A command that copies its input to its output, and its exit code; one that reads nothing; one that writes without end. */
  commands: { cat: string[]; exitCode: number; readsNothing: string[]; writes: string[] };
  /** Processes to measure, by name. */
  pids: Record<string, number>;
  /** Has the agent collect its garbage, which it does late by itself: what is left then is held. */
  collect(): Promise<void>;
  /** Other things that streams may leave, by name: how many there are. */
  left(): Promise<Record<string, number>>;
  close(): Promise<void>;
}

/** A real API and the agent's real tunnels; the containers are simulated. */
export async function simulatedField(): Promise<Field> {
  const api = await testApi({ requestBurst: 10_000_000, requestsPerMinute: 10_000_000 });
  const { url, token, pid } = api.server;
  const agent = fork(join(import.meta.dirname, "simulated-agent.ts"), [url, token]);
  await once(agent, "message");
  const skein = createSkein({ api: url, token });
  const { id, status } = await skein.createSession({ body: { image: "debian:12" }, query: { wait: 20 } });
  if (status !== "running") throw new Error(`the session is ${status}`);
  return {
    api,
    skein,
    session: id,
    port: 9,
    commands: {
      ...{ cat: ["cat"], exitCode: EXIT_CODE },
      ...{ readsNothing: [STALLED.reads], writes: [STALLED.writes] },
    },
    pids: { workerd: pid, agent: agent.pid!, client: process.pid },
    async collect() {
      agent.send("collect");
      await once(agent, "message");
    },
    left: async () => ({}),
    async close() {
      agent.disconnect();
      await once(agent, "exit");
      await api.close();
    },
  };
}
