/** What a fleet has to give, derived once from a snapshot and shared by everything that is planned over it. */

import type { AddressSpace } from "../network/address-space.ts";
import type { Reserved } from "../network/addressing.ts";
import { candidateOf } from "./candidate.ts";
import { holdingsOf, reservedWith, withHoldings } from "./holdings.ts";
import type { Plan, Snapshot } from "./plan.ts";
import type { PlannedSpec } from "./planned-spec.ts";
import { Pool } from "./pool.ts";

export interface Supply {
  /** All nodes, usable or not. */
  readonly pool: Pool;
  readonly reserved: Reserved;
  readonly space: AddressSpace;
}

/** O(nodes). */
export function supplyOf({ nodes, reserved, space }: Snapshot): Supply {
  return { pool: Pool.of(nodes), reserved, space };
}

/** What is left once a plan made on it is reserved. O(nodes). */
export function supplyAfter(supply: Supply, spec: Pick<PlannedSpec, "roles">, plan: Plan): Supply {
  const holdings = holdingsOf(spec, plan);
  const candidates = supply.pool.candidates.map((candidate) => {
    const more = holdings.get(candidate.node.id);
    return more ? candidateOf(withHoldings(candidate.node, more)) : candidate;
  });
  return {
    ...supply,
    pool: new Pool(candidates),
    reserved: reservedWith(supply.reserved, plan.network),
  };
}
