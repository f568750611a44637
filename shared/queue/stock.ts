/** What one round over the queue has to give, and how that shrinks while the round goes on. */

import type { Reserved } from "../network/addressing.ts";
import type { Candidate } from "../plan/candidate.ts";
import { isOpen, suits } from "../plan/eligibility.ts";
import { needsOf } from "../plan/group.ts";
import { reservedWith } from "../plan/holdings.ts";
import { fits } from "../plan/need.ts";
import type { Plan, Snapshot } from "../plan/plan.ts";
import type { PlannedSpec } from "../plan/planned-spec.ts";
import { type Supply, supplyAfter, supplyOf } from "../plan/supply.ts";
import type { Claim } from "./demand.ts";

export interface Stock {
  /** The fleet, less what this round has admitted. */
  readonly all: Supply;
  /** The same, less the nodes and networks that are kept for claims. */
  readonly open: Supply;
  /** The fleet without any session. Networks stay reserved that nodes out of reach may still have a part of. */
  empty(): Supply;
}

export function stockOf(snapshot: Snapshot, lingering: Reserved): Stock {
  const all = supplyOf(snapshot);
  let emptied: Supply | undefined;
  const empty = () => {
    emptied ??= { ...all, pool: all.pool.emptied(), reserved: lingering };
    return emptied;
  };
  return { all, open: all, empty };
}

export function stockAfter(stock: Stock, spec: PlannedSpec, plan: Plan): Stock {
  const all = supplyAfter(stock.all, spec, plan);
  return { ...stock, all, open: stock.open === stock.all ? all : supplyAfter(stock.open, spec, plan) };
}

/** Keeps a network, and every node that could serve the spec, from the sessions behind. */
export function stockWithout(stock: Stock, spec: PlannedSpec, claim: Claim): Stock {
  const serves = serving(spec);
  const open = {
    ...stock.open,
    pool: stock.open.pool.filter((candidate) => !serves(candidate)),
    reserved: reservedWith(stock.open.reserved, claim),
  };
  return { ...stock, open };
}

/** Is it usable for the spec, and could it hold at least one of its containers if it were empty? */
function serving(spec: PlannedSpec): (candidate: Candidate) => boolean {
  const suitable = suits(spec);
  const needs = needsOf(spec);
  return ({ node, whole }) => isOpen(node) && suitable(node) && needs.some((need) => fits(need, whole));
}
