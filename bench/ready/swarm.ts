/**
 * Docker Swarm on the same engines: an overlay network and services, until the manager says that every task is running. Set up for its best
 * time: the image by id (by name, each node would first ask a registry), and no polling while it works.
 */
import { setTimeout as pause } from "node:timers/promises";
import type Docker from "dockerode";
import type { LabHost } from "../../test/lab/host.ts";
import { CONTAINERS, type Contender, type Field, IMAGE, now } from "./contender.ts";
import { lastOf } from "./events.ts";

const SERVICE_LABEL = "com.docker.swarm.service.name";
/** How often to poll the manager once all containers have started but not all tasks are reported as running. */
const ASK_EVERY_MS = 5;
const GONE_EVERY_MS = 20;

/** One swarm of all hosts, the first its manager. */
export class Swarm {
  readonly #hosts: readonly LabHost[];

  private constructor(hosts: readonly LabHost[]) {
    this.#hosts = hosts;
  }

  static async of(hosts: readonly LabHost[]): Promise<Swarm> {
    const [first, ...others] = hosts as [LabHost, ...LabHost[]];
    const listening = (host: LabHost) => ({ ListenAddr: "0.0.0.0:2377", AdvertiseAddr: host.address });
    await first.docker.swarmInit(listening(first));
    const { JoinTokens } = await first.docker.swarmInspect();
    for (const host of others) {
      const RemoteAddrs = [`${first.address}:2377`];
      await host.docker.swarmJoin({ ...listening(host), RemoteAddrs, JoinToken: JoinTokens.Worker });
    }
    return new Swarm(hosts);
  }

  get manager(): Docker {
    return this.#hosts[0]!.docker;
  }

  /** Also removes the bridge that Swarm makes on every host and leaves behind. */
  async leave(): Promise<void> {
    for (const { docker } of this.#hosts.toReversed()) {
      await docker.swarmLeave({ force: true });
      await docker.getNetwork("docker_gwbridge").remove();
    }
  }
}

/** A service's replicas, and its node (default: any). */
interface Wanted {
  name: string;
  replicas: number;
  node?: string;
}

/** One service of all containers: the least work for Swarm. The containers have no names or ranks. */
export function oneService(field: Field, swarm: Swarm): Contender {
  return contender("swarm", field, swarm, async (round) => [
    { name: `ranks-${round}`, replicas: CONTAINERS },
  ]);
}

/** A service for each container, so that each has its own name, as in a session of Skein. */
export function servicePerRank(field: Field, swarm: Swarm): Contender {
  return contender("swarmPerRank", field, swarm, async (round) => {
    const nodes = await swarm.manager.listNodes();
    return Array.from({ length: CONTAINERS }, (_, rank) => ({
      name: `rank${rank}-${round}`,
      replicas: 1,
      node: nodes[rank % nodes.length]!.ID!,
    }));
  });
}

function contender(
  name: string,
  { hosts, events }: Field,
  swarm: Swarm,
  wantedIn: (round: number) => Promise<Wanted[]>,
): Contender {
  const { manager } = swarm;
  const isOurs = (container: Record<string, string>) => SERVICE_LABEL in container;
  let services: Docker.Service[] = [];
  let network: Docker.Network | undefined;

  async function allRun(): Promise<void> {
    for (;;) {
      const tasks = await manager.listTasks();
      if (tasks.filter(({ Status }) => Status.State === "running").length === CONTAINERS) return;
      await pause(ASK_EVERY_MS);
    }
  }

  async function isGone(docker: Docker): Promise<boolean> {
    const [containers, networks] = await Promise.all([
      docker.listContainers({ all: true }),
      docker.listNetworks(),
    ]);
    return !containers.some(({ Labels }) => isOurs(Labels)) && !networks.some(({ Id }) => Id === network?.id);
  }

  return {
    name,

    async bringUp(round) {
      const wanted = await wantedIn(round);
      const { Id: image } = await manager.getImage(IMAGE).inspect();
      const begin = now();
      network = await manager.createNetwork({ Name: `${name}-${round}`, Driver: "overlay" });
      const target = network.id;
      services = await Promise.all(
        wanted.map((each) => manager.createService(serviceOf(each, image, target))),
      );
      const of = (action: string) =>
        events.until(CONTAINERS, (event) => event.action === action && isOurs(event.attributes));
      const started = lastOf(await of("start")) - begin;
      await allRun();
      const ready = now() - begin;
      return { created: lastOf(await of("create")) - begin, started, ready };
    },

    async takeDown() {
      await Promise.all(services.map((service) => service.remove()));
      while ((await manager.listTasks()).length > 0) await pause(GONE_EVERY_MS);
      await network?.remove();
      for (const { docker } of hosts) while (!(await isGone(docker))) await pause(GONE_EVERY_MS);
    },
  };
}

function serviceOf(
  { name, replicas, node }: Wanted,
  image: string,
  network: string,
): Docker.CreateServiceOptions {
  return {
    Name: name,
    TaskTemplate: {
      // Ended by SIGKILL: as first process, sleep would ignore SIGTERM for ten seconds, which would distort the measure.
      ContainerSpec: { Image: image, Command: ["sleep", "infinity"], StopSignal: "SIGKILL" },
      Networks: [{ Target: network }],
      RestartPolicy: { Condition: "none" },
      ...(node === undefined ? {} : { Placement: { Constraints: [`node.id==${node}`] } }),
    },
    Mode: { Replicated: { Replicas: replicas } },
  } as Docker.CreateServiceOptions;
}
