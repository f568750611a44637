/** After the faults: every session settles, and where it runs, every pair of its containers passes at the first try. */
import { setTimeout as pause } from "node:timers/promises";
import type { Session } from "../../sdk/index.ts";
import type { Cluster } from "../lab/cluster.ts";
import { doubt } from "./excuse.ts";
import { persistently } from "./load.ts";
import { matrix, sight } from "./matrix.ts";

/** Milliseconds in which agents have put back what somebody deleted of a network: ten seconds (docs/reliability.md), and some. */
const PUT_BACK = 15_000;

export interface Proof {
  /** As they were looked at last. */
  sessions: Session[];
  /** Milliseconds until the last session had settled: over, or running, by its engines' word too. */
  settled: number;
  /** How often a container of a running session tried to reach another. */
  tried: number;
  /** Those of them that failed and do not count, and why: a container was not there all the while. The session was tried anew. */
  excused: string[];
  /** A line for each thing that is not as it must be. */
  problems: string[];
}

/** `limit`: milliseconds for all of it. */
export async function prove(cluster: Cluster, ids: readonly string[], limit: number): Promise<Proof> {
  const proof: Proof = { sessions: [], settled: 0, tried: 0, excused: [], problems: [] };
  const began = Date.now();
  const since = () => Date.now() - began;

  async function one(id: string): Promise<Session> {
    let hasSettled = false;
    for (;;) {
      const session = await persistently((signal) => cluster.skein.getSession({ path: { id }, signal }));
      const isOver = session.status === "failed" || session.status === "terminated";
      const seen = isOver ? new Map() : await sight(cluster, session.containers);
      const why = isOver ? undefined : doubt(session, seen, Date.now());
      if (why === undefined && !hasSettled) proof.settled = Math.max(proof.settled, since());
      hasSettled ||= why === undefined;
      if (isOver) return session;
      if (since() > limit) {
        const containers = session.containers.map(({ host, node, status }) => `${host} on ${node} ${status}`);
        const stuck = `stuck: ${id} is ${session.status} (${containers.join(", ")})`;
        proof.problems.push(`${stuck}: ${why ?? "no trial of it counts"}`);
        return session;
      }
      if (why === undefined && since() > PUT_BACK) {
        const { pairs, broken, excused } = await matrix(cluster, session, seen);
        proof.tried += pairs;
        proof.problems.push(...broken);
        proof.excused.push(...excused);
        if (broken.length > 0 || excused.length === 0) return session;
      }
      await pause(250);
    }
  }

  proof.sessions = await Promise.all(ids.map(one));
  return proof;
}
