/** The type of a fault, and the values that a run draws for it. */
import type { Cluster } from "../lab/cluster.ts";

/** The values drawn for a fault, all from the seed. */
export interface Draw {
  cluster: Cluster;
  /** The host to strike. */
  at: number;
  /** Its duration in milliseconds. */
  lasts: number;
  /** Chooses among the targets that exist at the time. */
  choice: number;
}

export interface Fault {
  name: string;
  /** Its weight among the faults. */
  weight: number;
  /** The parts of a host (or the API) that it strikes: faults that share one wait for each other. */
  on: readonly ("agent" | "api" | "disk" | "engine" | "link" | "kernel")[];
  /** The shortest and the longest time that it may last, in milliseconds. */
  lasts: readonly [number, number];
  /** Resolves once all is repaired. True if there was anything to strike. */
  strike(draw: Draw): Promise<boolean>;
}
