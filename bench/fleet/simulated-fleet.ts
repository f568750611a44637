/** All simulated nodes, spread over several processes: one call to all of them gives one answer. */
import type { ApiClient } from "../../test/support/server.ts";
import type { JoinOrder, State } from "./calls.ts";
import { SimulatorProcess } from "./simulator-process.ts";

/** Nodes per process: each takes at most two descriptors, and the process has most of a core to answer bursts of frames. */
const NODES_PER_PROCESS = 3000;
/** Nodes that join at once, over all processes. */
const JOINING_AT_ONCE = 32;

export class SimulatedFleet {
  readonly nodes: number;
  readonly #simulators: SimulatorProcess[];

  constructor(server: ApiClient["server"], nodes: number) {
    const processes = Math.ceil(nodes / NODES_PER_PROCESS);
    this.nodes = nodes;
    this.#simulators = Array.from({ length: processes }, () => new SimulatorProcess(server));
  }

  async join(order: Pick<JoinOrder, "limitMs" | "big">): Promise<void> {
    const step = this.#simulators.length;
    const atOnce = Math.ceil(JOINING_AT_ONCE / step);
    await Promise.all(
      this.#simulators.map((each, first) =>
        each.ask("join", { ...order, first, step, end: this.nodes, atOnce }),
      ),
    );
  }

  async state(): Promise<State> {
    return sumOf(await Promise.all(this.#simulators.map((each) => each.ask("state", null))));
  }

  async mark(): Promise<void> {
    await Promise.all(this.#simulators.map((each) => each.ask("mark", null)));
  }

  /** One node more than `nodes`; gives its id. */
  joinGuest(): Promise<string> {
    return this.#simulators[0]!.ask("joinGuest", { number: this.nodes });
  }

  leaveGuest(): Promise<void> {
    return this.#simulators[0]!.ask("leaveGuest", null);
  }

  async end(): Promise<void> {
    await Promise.all(this.#simulators.map((each) => each.end()));
  }
}

export function sumOf(states: readonly State[]): State {
  return {
    up: total(states.map(({ up }) => up)),
    cpuSeconds: total(states.map(({ cpuSeconds }) => cpuSeconds)),
    failed: totals(states.map(({ failed }) => failed)),
    traffic: totals(states.map(({ traffic }) => traffic)),
  };
}

function total(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}

/** Key by key. */
function totals<T extends { [K in keyof T]: number }>(records: readonly T[]): T {
  const sums: Record<string, number> = {};
  for (const [key, value] of records.flatMap((each) => Object.entries<number>(each))) {
    sums[key] = (sums[key] ?? 0) + value;
  }
  return sums as T;
}
