/**
 * The queue of waiting sessions: which begin now, and what the others wait for.
 *
 * A round looks at the sessions in order, and each that fits begins. So a later session overtakes an earlier one that
 * does not fit yet. Once a session has waited for room as long as the patience lasts, it has a claim: nothing behind
 * it is placed on a node that could serve it, nor takes its network. Those nodes only get emptier, so the session
 * begins at the latest when all that ran on them has ended, whatever arrives and however long anything runs.
 *
 * Only a session that waits for *room* can claim: one that would fit if no session ran. A session that the fleet as it
 * is could never hold, or that waits for a node to be uncordoned, to come back or to be labelled, keeps its place and
 * holds up no other.
 */
import type { Reserved } from "../network/addressing.ts";
import { isOpen } from "../plan/eligibility.ts";
import type { Plan, Snapshot } from "../plan/plan.ts";
import type { Demand, Evaluation } from "./demand.ts";
import { evaluate } from "./evaluate.ts";
import { stockAfter, stockOf, stockWithout } from "./stock.ts";

export interface Waiting {
  id: string;
  /** Names a demand. */
  demand: number;
  /** ms since 1970. */
  since: number;
}

export interface Fleet {
  snapshot: Snapshot;
  /** Networks that stay reserved whatever sessions end: nodes out of reach may still have a part of them. */
  lingering: Reserved;
}

export interface QueueRound {
  admitted: { id: string; plan: Plan }[];
  /** By demand: those that this round looked at and refused. */
  evaluations: Map<number, Evaluation>;
  /** The round stopped at its depth, and another one would get further. */
  unfinished: boolean;
}

/** Demands that one round looks at, at most: as many as Slurm does per event (default_queue_depth). */
export const ROUND_DEPTH = 100;
/** Looks × nodes of one round, at most: some 0.3 s. It bounds the depth from 10,000 nodes on. */
const ROUND_WORK = 1_000_000;
/** But some demands on any fleet. */
const LEAST_DEPTH = 4;

/**
 * One round over the queue, whose order is the caller's: priority, then arrival. `demands.untried`: how many are not
 * `current`; with the last of them the round ends. `now` and `patience` in ms.
 * O(nodes log nodes), plus O(groups × nodes) for each demand that it looks at, plus O(waiting) until the last untried
 * demand. 20 demands that do not fit on 9,000 nodes: 10 to 70 ms of CPU; of 1,024 groups each 0.8 s (bench/planner.ts).
 */
export function queueRound(
  queue: Iterable<Waiting>,
  demands: { of: (demand: number) => Demand; untried: number },
  { snapshot, lingering }: Fleet,
  { now, patience }: { now: number; patience: number },
): QueueRound {
  const round: QueueRound = { admitted: [], evaluations: new Map(), unfinished: false };
  const refused = new Map<number, { demand: Demand; evaluation: Evaluation }>();
  const claimed = new Set<number>();
  const depth = depthOf(snapshot.nodes.length);
  let stock = stockOf(snapshot, lingering);
  let looks = 0;
  let { untried } = demands;
  let further = false;
  for (const { id, demand: name, since } of queue) {
    let known = refused.get(name);
    if (!known) {
      const demand = demands.of(name);
      let evaluation = demand.current ? demand.evaluation : null;
      if (!evaluation) {
        if (looks++ === depth) return { ...round, unfinished: further };
        const look = evaluate(demand, stock);
        if (look.plan) {
          round.admitted.push({ id, plan: look.plan });
          stock = stockAfter(stock, demand.spec, look.plan);
          further = true;
          continue;
        }
        evaluation = look.evaluation;
        round.evaluations.set(name, evaluation);
        if (--untried === 0) break;
        further ||= evaluation.claim === null;
      }
      known = { demand, evaluation };
      refused.set(name, known);
    }
    const { demand, evaluation } = known;
    if (evaluation.claim && !claimed.has(name) && now - since >= patience) {
      claimed.add(name);
      stock = stockWithout(stock, demand.spec, evaluation.claim);
      if (!stock.open.pool.candidates.some(({ node }) => isOpen(node))) break;
    }
  }
  return round;
}

function depthOf(nodes: number): number {
  return Math.max(LEAST_DEPTH, Math.min(ROUND_DEPTH, Math.floor(ROUND_WORK / nodes)));
}

const NOT_ITS_TURN = "sessions before it are served first";

/** A waiting session's `reason`. `found`: the last round's; null where that did not get to it. `place` from 1. */
export function waitingReason(found: string | null, place: number): string {
  return `${found ?? NOT_ITS_TURN}; ${ordinal(place)} in the queue`;
}

function ordinal(place: number): string {
  const teen = place % 100 > 10 && place % 100 < 14;
  return `${place}${(teen ? undefined : ["th", "st", "nd", "rd"][place % 10]) ?? "th"}`;
}
