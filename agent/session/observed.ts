/** All that is known of one session on this node: what its reports say. */

import type {
  ContainerReport,
  ContainerSpec,
  Failure,
  Identity,
  Report,
} from "../../shared/protocol/protocol.ts";
import { CONTAINER_STATES, type ContainerStatus, type Phase } from "../../shared/session/lifecycle.ts";
import type { Prepared } from "./container-record.ts";

/** As `ContainerReport` has it. Words of engines and images have no end of their own, and a frame that is not understood ends the link. */
const REASON_CHARS = 4096;

export class Observed {
  readonly session: string;
  readonly epoch: number;
  phase: Report["phase"] = "none";
  failure: Failure | undefined;
  /** Commands run, or may. */
  gatesOpen = false;
  /** By host, in rank order; what the containers' next steps need. */
  readonly prepared = new Map<string, Prepared>();
  readonly #containers = new Map<string, ContainerReport>();

  constructor(session: string, epoch: number, specs: readonly Pick<ContainerSpec, "host">[] = []) {
    this.session = session;
    this.epoch = epoch;
    for (const { host } of specs) this.#containers.set(host, { host, status: "pending" });
  }

  container(host: string): ContainerReport | undefined {
    return this.#containers.get(host);
  }

  /** A container moves on, never back; its reason is replaced with each step, and dropped where none is given. */
  set(host: string, status: ContainerStatus, more: Partial<ContainerReport> = {}): void {
    const { reason: _, ...known } = this.#containers.get(host) ?? { host, status };
    if (CONTAINER_STATES[status].order < CONTAINER_STATES[known.status].order) return;
    const after: ContainerReport = { ...known, ...more, host, status };
    if (after.reason !== undefined) after.reason = after.reason.slice(0, REASON_CHARS);
    this.#containers.set(host, after);
  }

  hasReached(phase: Phase): boolean {
    const order = ["none", "prepared", "started", "running", "removed"];
    return order.indexOf(this.phase) >= order.indexOf(phase);
  }

  /** What stays to be said of a container when it is gone: why it ended or could not be made, not how far its image had come. */
  lastWord(host: string): string | undefined {
    const { status, reason } = this.#containers.get(host)!;
    if (status !== "pulling") return reason;
    return this.failure?.host === host ? this.failure.message : undefined;
  }

  report(): Report {
    const containers = [...this.#containers.values()];
    const identities: Identity[] = containers.flatMap(({ host }) => this.prepared.get(host)?.identity ?? []);
    return {
      type: "report",
      session: this.session,
      epoch: this.epoch,
      phase: this.phase,
      containers,
      ...(identities.length > 0 && this.phase !== "none" && this.phase !== "removed" ? { identities } : {}),
      ...(this.failure ? { failure: this.failure } : {}),
    };
  }
}
