/** What the agent observes of one session and epoch on this node. Its reports are made from it. */

import type { ContainerSpec } from "../../shared/protocol/assignment.ts";
import type { ContainerReport, Failure, Identity, Report } from "../../shared/protocol/protocol.ts";
import { CONTAINER_STATES, type ContainerStatus } from "../../shared/session/lifecycle.ts";
import type { Prepared } from "./container-record.ts";

/** The limit in `ContainerReport`. Messages of engines and images may be longer, and the API refuses a frame that is too long. */
const REASON_CHARS = 4096;

export class Observed {
  readonly session: string;
  readonly epoch: number;
  phase: Report["phase"] = "none";
  failure: Failure | undefined;
  /** The gates are open, or are being opened: commands may run. */
  gatesOpen = false;
  /** Docker has the session's network. */
  networkExists = false;
  /** So many of the users' keys may log in to this node's containers. */
  sshKeys = 0;
  /** The prepared containers, by host. */
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

  /** A state never goes back. Each change replaces the reason, or drops it. */
  set(host: string, status: ContainerStatus, more: Partial<ContainerReport> = {}): void {
    const { reason: _, ...known } = this.#containers.get(host) ?? { host, status };
    if (CONTAINER_STATES[status].order < CONTAINER_STATES[known.status].order) return;
    const after: ContainerReport = { ...known, ...more, host, status };
    if (after.reason !== undefined) after.reason = after.reason.slice(0, REASON_CHARS);
    this.#containers.set(host, after);
  }

  /** The reason to keep for a removed container: why it ended or could not be made, but not the progress of its image. */
  lastWord(host: string): string | undefined {
    const { status, reason } = this.#containers.get(host)!;
    if (status !== "pulling") return reason;
    return this.failure?.host === host ? this.failure.message : undefined;
  }

  report(): Report {
    const containers = [...this.#containers.values()];
    return {
      type: "report",
      session: this.session,
      epoch: this.epoch,
      phase: this.phase,
      containers,
      ...(this.sshKeys > 0 ? { sshKeys: this.sshKeys } : {}),
      // Once the session's keys are settled the API has them.
      ...(this.phase === "prepared" ? { identities: this.#identities() } : {}),
      ...(this.failure ? { failure: this.failure } : {}),
    };
  }

  #identities(): Identity[] {
    return [...this.#containers.keys()].flatMap((host) => this.prepared.get(host)?.identity ?? []);
  }
}
