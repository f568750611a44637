/** Calls from the bench to a simulator, over the IPC channel of child_process. Each call has one answer. */
import type { Traffic } from "../../test/support/node.ts";

/** The nodes of a simulator have the numbers `first`, `first + step`, … below `end`. */
export interface JoinOrder {
  first: number;
  step: number;
  end: number;
  /** Nodes that join at once. */
  atOnce: number;
  /** No more joins begin after that. */
  limitMs: number;
  /** Nodes with smaller numbers have the label of the big session. */
  big: number;
}

export interface State {
  /** Links that are up and got their welcome since the last `mark`. */
  up: number;
  /** Dials since the last `mark` that did not end in a welcome: why → how often. */
  failed: Record<string, number>;
  /** Of all links since the start. */
  traffic: Traffic;
  /** CPU of the simulator since its start. */
  cpuSeconds: number;
}

export interface Calls {
  /** Joins nodes and links them. They dial again whenever a link breaks. Answers once each has its welcome or gave up. */
  join(order: JoinOrder): Promise<void>;
  state(order: null): Promise<State>;
  /** Counts from now on: links that are up now do not count as `up` before their next welcome. */
  mark(order: null): Promise<void>;
  /** Joins one node and links it, without counting its frames. The answer is its id. */
  joinGuest(order: { number: number }): Promise<string>;
  /** Ends the link of the node that `joinGuest` joined. */
  leaveGuest(order: null): Promise<void>;
}

export type CallName = keyof Calls;
export type Order<N extends CallName> = Parameters<Calls[N]>[0];
export type Answer<N extends CallName> = Awaited<ReturnType<Calls[N]>>;

export interface Call<N extends CallName = CallName> {
  id: number;
  name: N;
  order: Order<N>;
}

export type Reply = { id: number; answer: unknown } | { id: number; error: string };
