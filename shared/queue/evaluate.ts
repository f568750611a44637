/** A look at one demand: its plan, or why it waits and what it would claim. */
import type { Plan } from "../plan/plan.ts";
import { type Outcome, planOn } from "../plan/planner.ts";
import { refusalOf } from "../plan/refusal.ts";
import type { Supply } from "../plan/supply.ts";
import type { Avoid, Claim, Demand, Evaluation } from "./demand.ts";
import type { Stock } from "./stock.ts";

const ROOM_IS_KEPT = "there is room, but it is kept for a session that has waited longer";

export function evaluate(
  demand: Demand,
  stock: Stock,
): { plan: Plan; evaluation?: never } | { plan?: never; evaluation: Evaluation } {
  const onOpen = planAvoiding(demand, stock.open);
  if (onOpen.plan) return { plan: onOpen.plan };
  const onAll = stock.open === stock.all ? onOpen : planAvoiding(demand, stock.all);
  const claim = demand.evaluation?.claim ?? claimOf(demand, stock);
  if (onAll.plan) return { evaluation: { reason: ROOM_IS_KEPT, lacks: "turn", claim } };
  const emptied = claim ? undefined : stock.empty().pool;
  const { reason, lacks } = refusalOf(demand.spec, stock.all, onAll.failure, emptied);
  return { evaluation: { reason, lacks, claim } };
}

/** Without the nodes at fault where others have room, else with them; never with the networks that did not work out. */
function planAvoiding({ spec, avoid }: Pick<Demand, "spec" | "avoid">, supply: Supply): Outcome {
  const all = withoutNetworks(supply, avoid);
  const atFault = new Set(avoid.nodes);
  if (atFault.size === 0) return planOn(spec, all);
  const others = all.pool.filter(({ node }) => !atFault.has(node.id));
  const outcome = planOn(spec, { ...all, pool: others });
  return outcome.plan ? outcome : planOn(spec, all);
}

function withoutNetworks(supply: Supply, { subnets, vnis }: Avoid): Supply {
  if (subnets.length === 0 && vnis.length === 0) return supply;
  const { reserved } = supply;
  return {
    ...supply,
    reserved: { subnets: [...reserved.subnets, ...subnets], vnis: [...reserved.vnis, ...vnis] },
  };
}

/** The network it would have on the fleet as it is, without any session. */
function claimOf(demand: Demand, stock: Stock): Claim | null {
  const network = planAvoiding(demand, stock.empty()).plan?.network;
  return network ? { subnet: network.subnet, vni: network.vni ?? null } : null;
}
