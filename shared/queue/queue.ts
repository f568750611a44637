/**
 * The queue of waiting sessions: who begins now, and for what the others wait.
 *
 * Sessions are looked at in order, and each that fits begins: so a later one overtakes an earlier one that does not
 * fit. But once a session has waited for room as long as the patience lasts, it has a claim: nothing behind it is
 * placed on a node that could serve it, nor takes its network. So those nodes only get emptier, and at the latest
 * when all that ran on them has ended it begins: no matter what arrives, and without guessing how long anything runs.
 * Only who waits for *room* can claim: who would fit if no session ran. What the fleet as it is could never hold, or
 * waits for a node to be uncordoned, to come back or to be labelled, keeps its place and holds up nobody.
 */
import { withPlan } from "../plan/holdings.ts";
import type { Plan, Planning, Snapshot } from "../plan/plan.ts";
import { plan, servingNodes } from "../plan/planner.ts";
import { emptied } from "../plan/room.ts";
import type { SessionSpec } from "../request/spec.ts";

type Reserved = Snapshot["reserved"];

/** What did not work out for a session; `nodes` (ids) only where others have room. */
export type Avoid = Reserved & { nodes?: string[] };

/** What sessions wait for. Those with equal ones fare alike, so an ask is planned once for all of them. */
export interface Ask {
  demand: SessionSpec;
  avoid: Avoid;
  /** What the last look came to; null where there was none since the fleet changed. */
  found: Finding | null;
  /** No room was freed since: there is no need to look again. */
  current: boolean;
}

/** Why an ask was refused. */
export interface Finding {
  reason: string;
  /** The network it would have if no session ran; null where it would not fit even then: it does not wait for room. */
  claim: { subnet: string; vni: number | null } | null;
}

export interface Waiting {
  id: string;
  /** Names an ask. */
  ask: number;
  /** ms since 1970. */
  since: number;
}

interface Fleet {
  snapshot: Snapshot;
  /** Networks that stay reserved whatever sessions end: nodes that cannot be reached may hold a part of them. */
  lingering: Reserved;
}

export interface QueueRound {
  admitted: { id: string; plan: Plan }[];
  /** By ask: what was found anew. */
  findings: Map<number, Finding>;
  /** Stopped for the amount of work, and another round would get further. */
  unfinished: boolean;
}

/** Asks that one round plans at most: as many as Slurm looks at per event (default_queue_depth). */
export const ROUND_DEPTH = 100;
/** Fewer where there are many nodes: asks × nodes, some tenths of a second; but some asks on any fleet. */
const ROUND_WORK = 20_000;
const LEAST_DEPTH = 4;

const ROOM_IS_KEPT = "there is room, but it is kept for a session that has waited longer";
const NOT_ITS_TURN = "sessions before it are served first";

/**
 * One round over the queue, whose order is the caller's: priority, then arrival. `asks.untried`: how many are not
 * `current`; with the last of them the round is over. `now` and `patience` in ms.
 * O(waiting until the last untried ask) plus at most ROUND_DEPTH asks planned, each up to seven times.
 */
export function queueRound(
  queue: Iterable<Waiting>,
  asks: { of: (ask: number) => Ask; untried: number },
  fleet: Fleet,
  { now, patience }: { now: number; patience: number },
): QueueRound {
  const round: QueueRound = { admitted: [], findings: new Map(), unfinished: false };
  const refused = new Map<number, { ask: Ask; finding: Finding }>();
  const claimed = new Set<number>();
  let { snapshot } = fleet;
  let open = snapshot;
  const depth = Math.max(LEAST_DEPTH, Math.min(ROUND_DEPTH, Math.floor(ROUND_WORK / snapshot.nodes.length)));
  let planned = 0;
  let { untried } = asks;
  let further = false;
  for (const { id, ask: name, since } of queue) {
    let known = refused.get(name);
    if (!known) {
      const ask = asks.of(name);
      let finding = ask.current ? ask.found : null;
      if (!finding) {
        if (planned++ === depth) return { ...round, unfinished: further };
        const planning = planOn(ask, open);
        if (planning.plan) {
          round.admitted.push({ id, plan: planning.plan });
          snapshot = withPlan(snapshot, ask.demand, planning.plan);
          open = withPlan(open, ask.demand, planning.plan);
          further = true;
          continue;
        }
        finding = findingOf(ask, claimed.size === 0 ? planning : planOn(ask, snapshot), fleet);
        round.findings.set(name, finding);
        if (--untried === 0) break;
        further ||= finding.claim === null;
      }
      known = { ask, finding };
      refused.set(name, known);
    }
    const { ask, finding } = known;
    if (finding.claim && !claimed.has(name) && now - since >= patience) {
      claimed.add(name);
      open = without(open, ask.demand, finding.claim);
      if (!open.nodes.some(({ status, schedulable }) => status === "ready" && schedulable)) break;
    }
  }
  return round;
}

/** A waiting session's `reason`. `found`: as of the last round, null where that did not get to it. `place` from 1. */
export function waitingReason(found: string | null, place: number): string {
  return `${found ?? NOT_ITS_TURN}; ${ordinal(place)} in the queue`;
}

function ordinal(place: number): string {
  const teen = place % 100 > 10 && place % 100 < 14;
  return `${place}${(teen ? undefined : ["th", "st", "nd", "rd"][place % 10]) ?? "th"}`;
}

/**
 * Roles of different sizes are placed by rules of thumb that weigh all nodes given: on the serving nodes alone they
 * are the same as for the claim, so that what fits when these are empty is sure to be found.
 */
function planOn({ demand, avoid }: Ask, snapshot: Snapshot): Planning {
  const first = planAvoiding(demand, avoid, snapshot);
  if (first.plan || demand.roles.length === 1) return first;
  const second = planAvoiding(demand, avoid, { ...snapshot, nodes: servingNodes(demand, snapshot.nodes) });
  return second.plan ? second : first;
}

function planAvoiding(demand: SessionSpec, avoid: Avoid, snapshot: Snapshot): Planning {
  const all: Snapshot = {
    ...snapshot,
    reserved: {
      subnets: [...snapshot.reserved.subnets, ...avoid.subnets],
      vnis: [...snapshot.reserved.vnis, ...avoid.vnis],
    },
  };
  const atFault = new Set(avoid.nodes);
  if (atFault.size === 0) return plan(demand, all);
  const others = plan(demand, { ...all, nodes: all.nodes.filter(({ id }) => !atFault.has(id)) });
  return others.plan ? others : plan(demand, all);
}

/** `onAll`: what planning it on all nodes came to, those kept for others included. */
function findingOf(ask: Ask, onAll: Planning, fleet: Fleet): Finding {
  return {
    reason: onAll.refusal?.reason ?? ROOM_IS_KEPT,
    claim: ask.found?.claim ?? (onAll.refusal?.never ? null : claimOf(ask, fleet)),
  };
}

/** The network on the fleet as it is, without any session. */
function claimOf({ demand, avoid }: Ask, { snapshot, lingering }: Fleet): Finding["claim"] {
  const empty = { nodes: servingNodes(demand, snapshot.nodes).map(emptied), reserved: lingering };
  const network = planAvoiding(demand, avoid, empty).plan?.network;
  return network ? { subnet: network.subnet, vni: network.vni ?? null } : null;
}

/** What is left for those behind a claim. */
function without(
  { nodes, reserved }: Snapshot,
  demand: SessionSpec,
  { subnet, vni }: NonNullable<Finding["claim"]>,
): Snapshot {
  const kept = new Set(servingNodes(demand, nodes));
  return {
    nodes: nodes.filter((node) => !kept.has(node)),
    reserved: {
      subnets: [...reserved.subnets, subnet],
      vnis: [...reserved.vnis, ...(vni === null ? [] : [vni])],
    },
  };
}
