/** After the faults: every session settles, and every pair of containers of a running one passes at the first try. */
import { setTimeout as pause } from "node:timers/promises";
import type { Session } from "../../sdk/index.ts";
import type { Cluster } from "../lab/cluster.ts";
import { doubt } from "./excuse.ts";
import { persistently } from "./load.ts";
import { matrix, sight } from "./matrix.ts";

/** Milliseconds in which agents restore deleted parts of a network: ten seconds (docs/reliability.md), plus a margin. */
const PUT_BACK = 15_000;

export interface Proof {
  /** The sessions, as last read. */
  sessions: Session[];
  /** Milliseconds until the last session had settled: ended, or running according to its engines, too. */
  settled: number;
  /** How often a container of a running session tried to reach another. */
  tried: number;
  /**
   * Trials that failed and do not count, with the reason: a container was down for a part of it. The whole session was then tried again.
   */
  excused: string[];
  /** A line for each problem. */
  problems: string[];
}

/** `limit`: milliseconds for everything. */
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
