/** A whole Skein on a lab: the API on its own machine, an agent on every Docker host, and a client. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { createSkein, type Session, type SessionRequest, type Skein } from "../../sdk/index.ts";
import { outerName, type SettingName, type Settings } from "../../shared/settings/settings.ts";
import type { Result } from "./command.ts";
import { dockerExec } from "./docker-exec.ts";
import type { LabHost } from "./host.ts";
import { type Lab, type LabOptions, startLab } from "./lab.ts";
import { leftovers } from "./leftovers.ts";
import { unmountBelow } from "./mounts.ts";
import { Service } from "./service.ts";
import { smallDisk } from "./small-disk.ts";

export interface ClusterOptions {
  hosts: number;
  /** More arguments for `skein agent` on each host. */
  agentFlags?: readonly string[];
  /** Puts each agent's state on its own small disk, which a test can fill. */
  smallDisks?: boolean;
  /** Puts the API's data on one, too. */
  smallApiDisk?: boolean;
  /** Images besides the standard ones. */
  images?: LabOptions["images"];
}

export interface Cluster {
  lab: Lab;
  api: Api;
  /** In the order of `lab.hosts`. */
  agents: Agent[];
  /** A client with the admin's token. */
  skein: Skein;
  /** Creates a session and waits until it is running, failed or terminated. */
  create(body: SessionRequest): Promise<Session>;
  /** Ends a session and waits until nothing of it is left. */
  end(session: Pick<Session, "id">): Promise<Session>;
  /** `docker exec` in one of its containers. */
  exec(session: Session, host: string, argv: string[]): Promise<Result>;
  /** Everything that sessions have on any host; empty when nothing is left. */
  leftovers(): Promise<string[]>;
  close(): Promise<void>;
}

export interface ApiOptions {
  /** Its data directory's. */
  name: string;
  port: number;
  /** Those that are not to have the default of these tests. */
  settings?: Partial<Settings>;
  /** The checkout that it is run from; this one unless told. */
  checkout?: string;
}

/** No name server knows it: tests ask the API with such names in `Host`. */
export const APPS_DOMAIN = "apps.skein.test";

/** Tests ask more often than a user's program does. */
const TEST_SETTINGS: Partial<Settings> = {
  requestsPerMinute: 10_000_000,
  requestBurst: 10_000_000,
  appsDomain: APPS_DOMAIN,
};

/** A `skein serve`. */
export class Api extends Service {
  readonly url: string;
  readonly dataDir: string;

  constructor(lab: Lab, { name, port, settings, checkout }: ApiOptions) {
    const { api } = lab;
    const listen = `${api.address}:${port}`;
    const dataDir = apiDataDir(lab, name);
    const set = Object.entries({ ...TEST_SETTINGS, ...settings }).flatMap(([setting, value]) => [
      "--set",
      `${outerName(setting as SettingName)}=${value}`,
    ]);
    const args = ["serve", "--listen", listen, "--data", dataDir, ...set];
    super({ machine: api, name, args, ready: /^skein api ready at /m, checkout });
    this.url = `http://${listen}`;
    this.dataDir = dataDir;
  }

  /** The admin's; there from the first start on. */
  get token(): string {
    return readFileSync(join(this.dataDir, "admin-token"), "utf8").trim();
  }
}

function apiDataDir({ api }: Lab, name: string): string {
  return join(api.dir, name);
}

export interface AgentOptions {
  /** The API's URL, as this host reaches it. */
  api: string;
  joinToken: string;
  /** The node's name; default: the host's. */
  name?: string;
  flags?: readonly string[];
}

/** A `skein agent`. */
export class Agent extends Service {
  readonly host: LabHost;
  readonly stateDir: string;

  constructor(host: LabHost, { api, joinToken, name = host.name, flags = [] }: AgentOptions) {
    const stateDir = stateDirOn(host, name);
    const where = ["--docker", host.dockerSocket, "--address", host.address, "--state", stateDir];
    const args = ["agent", "--api", api, "--join", joinToken, "--name", name, ...where, ...flags];
    super({ machine: host, name, args, ready: /link is up/ });
    this.host = host;
    this.stateDir = stateDir;
  }
}

function stateDirOn(host: LabHost, agent: string): string {
  return join(host.dir, `agent-${agent}`);
}

/** Starts one more API beside those that run. */
export async function startApi(lab: Lab, options: ApiOptions): Promise<Api> {
  const api = new Api(lab, options);
  await api.start();
  return api;
}

/** Starts one more agent beside those that run; resolves when its link to the API is up. */
export async function startAgent(host: LabHost, options: AgentOptions): Promise<Agent> {
  const agent = new Agent(host, options);
  await agent.start();
  return agent;
}

/** Brings everything up; resolves when every node is ready. Call it inside the lab's namespaces. */
export async function startCluster({
  hosts,
  agentFlags = [],
  smallDisks = false,
  smallApiDisk = false,
  images = [],
}: ClusterOptions): Promise<Cluster> {
  const lab = await startLab({ hosts, images });
  try {
    if (smallApiDisk) await smallDisk(apiDataDir(lab, "api"), "32m");
    const api = await startApi(lab, { name: "api", port: 8787 });
    const skein = createSkein({ api: api.url, token: api.token });
    const agents = await Promise.all(
      lab.hosts.map(async (host) => {
        const { token } = await skein.createJoinToken();
        if (smallDisks) await smallDisk(stateDirOn(host, host.name));
        return startAgent(host, { api: api.url, joinToken: token, flags: agentFlags });
      }),
    );
    await allReady(skein, hosts);
    return { lab, api, agents, skein, ...sessionsOf(skein, lab), ...endingOf(lab, api, agents) };
  } catch (error) {
    await lab.close().catch((failure) => console.error(failure));
    throw error;
  }
}

async function allReady(skein: Skein, hosts: number): Promise<void> {
  for (;;) {
    const { items } = await skein.listNodes();
    if (items.filter(({ status }) => status === "ready").length === hosts) return;
    await pause(20);
  }
}

function sessionsOf(skein: Skein, lab: Lab): Pick<Cluster, "create" | "end" | "exec"> {
  async function wait(id: string, statuses: readonly Session["status"][]): Promise<Session> {
    for (;;) {
      const session = await skein.getSession({ path: { id }, query: { wait: 60 } });
      if (statuses.includes(session.status)) return session;
    }
  }
  return {
    async create(body) {
      const { id } = await skein.createSession({ body });
      return wait(id, ["running", "failed", "terminated"]);
    },
    async end({ id }) {
      await skein.endSession({ path: { id } });
      return wait(id, ["failed", "terminated"]);
    },
    async exec(session, host, argv) {
      const container = session.containers.find((each) => each.host === host);
      const docker = lab.hosts.find(({ name }) => name === container?.node)?.docker;
      if (!docker || !container?.containerId) throw new Error(`no ${host} of ${session.name} on any host`);
      return dockerExec(docker, container.containerId, argv);
    },
  };
}

function endingOf(lab: Lab, api: Api, agents: readonly Agent[]): Pick<Cluster, "leftovers" | "close"> {
  return {
    leftovers: () => leftovers(agents),
    async close() {
      await Promise.all(agents.map((agent) => agent.kill()));
      for (const { stateDir } of agents) await unmountBelow(stateDir);
      await api.kill();
      await unmountBelow(api.dataDir);
      await lab.close();
    },
  };
}
