/** Nodes to plan over, with the sums that show most refusals without a look at each node. */
import { type Candidate, candidateOf, emptied } from "./candidate.ts";
import { type Asked, isOpen, isPicky, suits } from "./eligibility.ts";
import type { Need } from "./need.ts";
import type { NodeSnapshot } from "./plan.ts";

/** Never changed. Sums and `open` are made when they are first asked for, once: O(candidates) each. */
export class Pool {
  readonly candidates: readonly Candidate[];
  #spare: Need | undefined;
  #most: Need | undefined;
  #open: Pool | undefined;

  constructor(candidates: readonly Candidate[]) {
    this.candidates = candidates;
  }

  static of(nodes: readonly NodeSnapshot[]): Pool {
    return new Pool(nodes.map(candidateOf));
  }

  filter(keep: (candidate: Candidate) => boolean): Pool {
    return new Pool(this.candidates.filter(keep));
  }

  /** Those that are set up as the spec asks for, usable now or not. */
  suiting(spec: Asked): Pool {
    if (!isPicky(spec)) return this;
    const suitable = suits(spec);
    return this.filter(({ node }) => suitable(node));
  }

  /** Those on which something of the spec may be placed now. */
  usable(spec: Asked): Pool {
    this.#open ??= this.filter(({ node }) => isOpen(node));
    return this.#open.suiting(spec);
  }

  /** The same nodes as they would be without any session. */
  emptied(): Pool {
    return new Pool(this.candidates.map(emptied));
  }

  /** What all have free together; a node that is overdrawn in a dimension adds nothing there. */
  get spare(): Need {
    this.#spare ??= fold(this.candidates, (sum, free) => sum + Math.max(0, free));
    return this.#spare;
  }

  /** The most of each dimension that any of them has free. */
  get most(): Need {
    this.#most ??= fold(this.candidates, (most, free) => Math.max(most, free));
    return this.#most;
  }
}

function fold(candidates: readonly Candidate[], step: (sum: number, free: number) => number): Need {
  const sum = { cpu: 0, memory: 0, gpu: 0 };
  for (const { free } of candidates) {
    sum.cpu = step(sum.cpu, free.cpu);
    sum.memory = step(sum.memory, free.memory);
    sum.gpu = step(sum.gpu, free.gpu);
  }
  return sum;
}
