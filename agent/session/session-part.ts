/** One session on this node: works towards what the API wants, and reports what it observes. */
import type { Report } from "../../shared/protocol/protocol.ts";
import { PHASES } from "../../shared/session/lifecycle.ts";
import type { ListedContainer } from "../docker/port.ts";
import type { Found } from "./adopt.ts";
import type { SentAssignment } from "./assignment-store.ts";
import { NotAuthorized } from "./authorize.ts";
import { ContainerEnds } from "./container-ends.ts";
import { type NodeContext, StepFailure } from "./context.ts";
import { type SessionContainer, SessionController } from "./controller.ts";
import { Convergence } from "./convergence.ts";
import type { Desired } from "./desired.ts";
import { nextStep, type Step } from "./next-step.ts";
import { Reporter } from "./reporter.ts";

export class SessionPart {
  readonly #context: NodeContext;
  readonly #reporter: Reporter;
  readonly #controller: SessionController;
  readonly #ends: ContainerEnds;
  readonly #loop: Convergence<Exclude<Step, "rest">>;
  #desired: Desired;

  /** `found` is what an earlier run of the agent left in the engine. `send` takes reports. */
  constructor(context: NodeContext, desired: Desired, found: Found, send: (report: Report) => void) {
    this.#context = context;
    this.#desired = desired;
    this.#reporter = new Reporter(() => send(this.report()));
    const controller = new SessionController(context, desired, found, {
      onProgress: () => this.#reporter.soon(),
      onPhase: () => this.#reporter.now(),
      onVerdict: (host, verdict) => {
        controller.observed.set(host, verdict.status, verdict);
        this.#reporter.now();
      },
      onGone: (host, containerId) => this.#ends.gone(host, containerId),
      onAdopted: async (listed) => {
        await this.#ends.resync(listed);
        this.reportAgain();
      },
    });
    this.#controller = controller;
    this.#ends = new ContainerEnds(context, {
      controller,
      desired: () => this.#desired,
      fail: (failure) => this.#fail(failure),
      report: () => this.#reporter.now(),
    });
    this.#loop = new Convergence({
      next: () => {
        const step = nextStep(controller.situation(this.#desired));
        return step === "rest" ? undefined : step;
      },
      perform: (step, signal) => controller.perform(step, this.#desired, signal),
      failed: (error) => this.#note(error),
    });
  }

  get epoch(): number {
    return this.#desired.epoch;
  }

  /** The assignment of the wanted epoch. */
  get sent(): SentAssignment | undefined {
    return this.#desired.sent;
  }

  /** Whether the session is removed. False when the next epoch was assigned during the removal. */
  get removed(): boolean {
    const { phase, epoch } = this.#controller.observed;
    return this.leaving && phase === "removed" && epoch === this.#desired.epoch;
  }

  /** Whether the session is removed, or should be. */
  get leaving(): boolean {
    return this.#desired.phase === "removed";
  }

  report(): Report {
    return this.#controller.observed.report();
  }

  /** A container of this node, for who wants to enter it. */
  container(host: string): SessionContainer | undefined {
    return this.#controller.container(this.#desired, host);
  }

  /** Starts to work, unless it does already. */
  converge(): void {
    this.#loop.start();
  }

  /** Whether an older epoch or an earlier phase is asked for than is wanted already. */
  isLate({ epoch, phase }: Pick<Desired, "epoch" | "phase">): boolean {
    const wanted = this.#desired;
    if (epoch !== wanted.epoch) return epoch < wanted.epoch;
    return PHASES.indexOf(phase) < PHASES.indexOf(wanted.phase);
  }

  /** Sets what is wanted, unless that is late. */
  want(desired: Desired): void {
    if (this.isLate(desired)) return;
    const before = this.#desired;
    this.#desired = desired;
    if (desired.force) this.#controller.killAtOnce();
    if (desired.phase === "removed") void this.#controller.restarts?.close();
    const isAnother = desired.epoch !== before.epoch || (this.leaving && before.phase !== "removed");
    if (isAnother) this.#loop.supersede();
    else this.#loop.start();
  }

  /** A container ended, or may have ended. */
  async ended(host: string, containerId: string): Promise<void> {
    await this.#ends.ended(host, containerId);
  }

  /** Somebody else removed a container. */
  gone(host: string, containerId: string): void {
    this.#ends.gone(host, containerId);
  }

  /** Compares with the engine's containers of this session, since events may have been missed. */
  async resync(listed: readonly ListedContainer[]): Promise<void> {
    await this.#ends.resync(listed);
  }

  /** Repairs the session's network. */
  mend(): Promise<void> {
    return this.#controller.mend(this.#desired);
  }

  /** Sends a report, unless there is nothing to report yet. */
  reportAgain(): void {
    const { phase, failure } = this.#controller.observed;
    if (phase !== "none" || failure) this.#reporter.now();
  }

  /** Aborts the running step with this failure. Without a running step it is reported at once. */
  #fail(failure: StepFailure): void {
    if (!this.#loop.breakOff(failure)) this.#controller.observed.failure ??= failure.failure;
  }

  async #note(error: Error): Promise<void> {
    const { log, refreshFacts } = this.#context;
    if (error instanceof NotAuthorized) {
      log.warn({ session: this.#desired.session, reason: error.message }, "trying again");
      return;
    }
    const { failure } =
      error instanceof StepFailure ? error : new StepFailure("internal", error.message || String(error));
    if (!(error instanceof StepFailure)) log.error({ err: error }, "a step failed unexpectedly");
    const { session, epoch } = this.#desired;
    log.warn({ session, epoch, ...failure }, "a step failed");
    // Before the report, so that the next plan avoids the conflict.
    if (failure.code === "network_conflict")
      await refreshFacts().catch((reason) => log.error({ err: reason }, "the facts could not be measured"));
    this.#controller.observed.failure = failure;
    this.#reporter.now();
  }
}
