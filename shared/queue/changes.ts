/** Which demands a change of some nodes concerns: the caller looks again only at those. */
import { candidateOf } from "../plan/candidate.ts";
import { isOpen, suits } from "../plan/eligibility.ts";
import { needsOf } from "../plan/group.ts";
import { fits } from "../plan/need.ts";
import type { NodeSnapshot } from "../plan/plan.ts";
import type { Demand } from "./demand.ts";

/**
 * Room was freed on these nodes (given as they are now), or a claim went away (none given): may the demand begin?
 * True where one of them can hold a container of it now, and where the demand lacks something else than room: a
 * network, or its turn, is on no particular node. False is certain. O(roles × changed).
 */
export function mayHelp({ spec, evaluation }: Demand, changed: readonly NodeSnapshot[]): boolean {
  if (evaluation?.lacks !== "room") return true;
  // It would not fit if no session ran: freed room cannot help.
  if (!evaluation.claim) return false;
  const suitable = suits(spec);
  const needs = needsOf(spec);
  return changed.some((node) => {
    if (!isOpen(node) || !suitable(node)) return false;
    const { free } = candidateOf(node);
    return needs.some((need) => fits(need, free));
  });
}

/**
 * Nodes came, went, or are set up in another way (status, cordon, labels, capacity, what they allow, networks): may
 * the demand's reason or claim no longer hold? Give each node as it was and as it is. True where one of them suits
 * the demand and could hold a container of it when empty, and for a demand without a claim: that waits for such a
 * change. Where it is false, at most the amounts in the reason are out of date. O(roles × changed).
 */
export function concerns({ spec, evaluation }: Demand, changed: readonly NodeSnapshot[]): boolean {
  if (!evaluation?.claim) return true;
  const suitable = suits(spec);
  const needs = needsOf(spec);
  return changed.some((node) => {
    if (!suitable(node)) return false;
    const { whole } = candidateOf(node);
    return needs.some((need) => fits(need, whole));
  });
}
