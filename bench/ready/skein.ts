/** Skein: one request, until the session is `running`: with SSH, names and reachability proven between all hosts. */
import type { Session } from "../../sdk/index.ts";
import type { Cluster } from "../../test/lab/cluster.ts";
import { CONTAINERS, type Contender, IMAGE, type Marks, now } from "./contender.ts";
import { type EngineEvent, type EngineEvents, lastOf } from "./events.ts";

/** A proof, as named in engines' events. */
const PROOF = /^exec_start: \S*\/prove /;

export function skein(cluster: Cluster, events: EngineEvents): Contender {
  let session: Session | undefined;

  return {
    name: "skein",

    async bringUp(round) {
      const begin = now();
      session = await cluster.skein.createSession({
        body: { name: `bench-${round}`, clusterMode: "multi-node", clusterSize: CONTAINERS, image: IMAGE },
        query: { wait: 60 },
      });
      const ready = now() - begin;
      if (session.status !== "running") throw new Error(`session ${session.status}: ${session.reason}`);
      return { ...(await marksOf(cluster, session.id, events, begin)), ready };
    },

    async takeDown() {
      const ended = await cluster.end(session!);
      if (ended.status !== "terminated") throw new Error(`session ${ended.status}: ${ended.reason}`);
    },
  };
}

/** Marks from the engines' events and the agents' logs. */
async function marksOf(cluster: Cluster, id: string, events: EngineEvents, begin: number): Promise<Marks> {
  const isOurs = ({ attributes }: EngineEvent) => attributes["skein.session"] === id;
  const engines = async (action: string, count = CONTAINERS) =>
    lastOf(await events.until(count, (event) => isOurs(event) && event.action === action)) - begin;
  const proofs = events.all((event) => isOurs(event) && PROOF.test(event.action));
  return {
    assigned: agentsSaid(cluster, "assigned", id) - begin,
    created: await engines("create"),
    prepared: agentsSaid(cluster, "prepared", id) - begin,
    started: await engines("start"),
    proving: lastOf(proofs) - begin,
    proven: await engines("exec_die", proofs.length),
  };
}

/** When the last agent logged this about the session, in milliseconds since 1970. */
function agentsSaid({ agents }: Cluster, what: string, id: string): number {
  const times = agents.map((agent) => {
    const line = agent
      .log()
      .split("\n")
      .find((each) => each.includes(` ${what} `) && each.includes(`session=${id}`));
    if (line === undefined)
      throw new Error(`the log of ${agent.host.name}'s agent has no "${what}" of ${id}`);
    return Date.parse(line.split(" ")[0]!);
  });
  return Math.max(...times);
}
