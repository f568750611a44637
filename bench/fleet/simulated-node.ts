/** The facts that a simulated node reports. Pure. */
import { FACTS } from "../../shared/testing/fixtures.ts";
import { ABOUT, type About } from "../../test/support/node.ts";

/** Label of the big session's nodes; no other node has it. */
export const BIG_LABEL = { big: "yes" };

/** Number 0 is at 10.128.0.1, the others after it; up to 65,534 nodes. */
export function aboutNode(number: number): About {
  const [high, low] = [(number + 1) >> 8, (number + 1) & 255];
  return {
    ...ABOUT,
    address: `10.128.${high}.${low}`,
    facts: { ...FACTS, usedSubnets: ["172.17.0.0/16", "10.128.0.0/16"] },
  };
}
