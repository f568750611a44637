/**
 * The floor: the same containers and networks by bare Docker calls, all at once on all hosts. No names across hosts, no overlay, no SSH, no
 * checks: the least that any orchestrator needs.
 */
import type Docker from "dockerode";
import { CONTAINERS, type Contender, type Field, IMAGE, now, PER_HOST } from "./contender.ts";
import { lastOf } from "./events.ts";

const LABEL = "bench.floor";

export function floor({ hosts, events }: Field): Contender {
  let networks: Docker.Network[] = [];
  let containers: Docker.Container[] = [];

  async function makeOn(docker: Docker, round: number): Promise<void> {
    const network = `floor-${round}`;
    const create = (index: number) =>
      docker.createContainer({
        name: `${network}-${index}`,
        Image: IMAGE,
        Cmd: ["sleep", "infinity"],
        Labels: { [LABEL]: String(round) },
        HostConfig: { NetworkMode: network },
      });
    // An engine looks up the network only when it starts the container.
    const [made, ...created] = await Promise.all([
      docker.createNetwork({ Name: network, Driver: "bridge" }),
      ...Array.from({ length: PER_HOST }, (_, index) => create(index)),
    ]);
    networks.push(made);
    containers.push(...created);
    await Promise.all(created.map((container) => container.start()));
  }

  return {
    name: "floor",

    async bringUp(round) {
      const begin = now();
      await Promise.all(hosts.map(({ docker }) => makeOn(docker, round)));
      const ready = now();
      const of = (action: string) =>
        events.until(CONTAINERS, (event) => event.action === action && LABEL in event.attributes);
      return {
        created: lastOf(await of("create")) - begin,
        started: lastOf(await of("start")) - begin,
        ready: ready - begin,
      };
    },

    async takeDown() {
      await Promise.all(containers.map((container) => container.remove({ force: true })));
      await Promise.all(networks.map((network) => network.remove()));
      [networks, containers] = [[], []];
    },
  };
}
