/** One session's part on this node: converges to what was last asked for, one step at a time, and reports what it observes. */
import { setTimeout as delay } from "node:timers/promises";
import type { Assignment, Report } from "../../shared/protocol/protocol.ts";
import { CONSTANTS } from "../../shared/settings/constants.ts";
import type { ListedContainer } from "../docker/port.ts";
import type { Desired } from "../link/api-frames.ts";
import { backoff } from "../link/backoff.ts";
import { type Found, isOf, takeOver } from "./adopt.ts";
import { type NodeContext, StepFailure } from "./context.ts";
import { exitReason } from "./exit.ts";
import { Observed } from "./observed.ts";
import { open } from "./open.ts";
import { prepare } from "./prepare.ts";
import { removeSession } from "./remove.ts";
import { Reporter } from "./reporter.ts";
import { Restarts, type Verdict } from "./restarts.ts";
import { provideNetwork } from "./session-network.ts";
import { start } from "./start.ts";

const ORDER = ["prepared", "started", "running", "removed"];

/** Why a step was broken off: something else is wanted now. */
const SUPERSEDED = new Error("superseded");

/** What `observed` is about. */
interface Made {
  assignment: Assignment;
  hash: string;
}

export class SessionPart {
  readonly #context: NodeContext;
  readonly #reporter: Reporter;
  #found: Found;
  #networkExists = false;
  #wanted: Desired;
  #made: Made | undefined;
  #observed: Observed;
  /** Of what is made. */
  #restarts: Restarts | undefined;
  /** The step under way. */
  #step: AbortController | undefined;
  #force = new AbortController();
  #working = false;
  /** Mending the network, or done with it; never rejects. */
  #mended: Promise<void> = Promise.resolve();

  /** `found`: what the engine has of the session from before. `send` takes its reports. */
  constructor(context: NodeContext, wanted: Desired, found: Found, send: (report: Report) => void) {
    this.#context = context;
    this.#found = found;
    this.#wanted = wanted;
    this.#observed = new Observed(wanted.session, wanted.epoch);
    this.#reporter = new Reporter(() => send(this.report()));
  }

  get epoch(): number {
    return this.#wanted.epoch;
  }

  /** Gone, and to stay so: while one plan's part was being removed, the next plan may have come. */
  get removed(): boolean {
    return this.#wanted.phase === "removed" && this.#observed.phase === "removed";
  }

  /** It is, or is to be, removed. */
  get leaving(): boolean {
    return this.#wanted.phase === "removed";
  }

  report(): Report {
    return this.#observed.report();
  }

  /** Sets to work, unless that is being done. */
  converge(): void {
    if (this.#working) return;
    this.#working = true;
    void this.#converge();
  }

  /** The newest word counts; an older epoch or an earlier phase is a late one. */
  want(desired: Desired): void {
    const { epoch, phase, hash } = this.#wanted;
    const late =
      desired.epoch < epoch ||
      (desired.epoch === epoch && ORDER.indexOf(desired.phase) < ORDER.indexOf(phase));
    if (late) return;
    this.#wanted = desired;
    if (desired.force) this.#force.abort();
    if (desired.phase === "removed") void this.#restarts?.close();
    const changed =
      desired.phase === "removed" ? phase !== "removed" : desired.epoch !== epoch || desired.hash !== hash;
    if (changed) this.#step?.abort(SUPERSEDED);
    this.converge();
  }

  /** The engine says that a container ended, or is to be asked whether it did. */
  async ended(host: string, containerId: string): Promise<void> {
    const observed = this.#observed;
    // What is only being taken over is looked at when that is done.
    const isNews = () =>
      observed === this.#observed &&
      observed.phase !== "none" &&
      this.#wanted.phase !== "removed" &&
      observed.container(host)?.containerId === containerId &&
      ["prepared", "started", "running"].includes(observed.container(host)!.status);
    if (!isNews()) return;
    const { docker } = this.#context;
    const [container, output] = await Promise.all([
      docker.container(containerId),
      docker.outputTail(containerId, CONSTANTS.outputBytes),
    ]);
    if (!isNews() || container?.status !== "ended") return;
    const spec = this.#made!.assignment.containers.find((each) => each.host === host)!;
    const reason = exitReason(container, output, spec.resources.memory);
    const verdict: Verdict = this.#observed.gatesOpen
      ? this.#restarts!.ended(spec, container, reason)
      : { status: "exited", ...(reason ? { reason } : {}) };
    const { exitCode } = container;
    observed.set(host, verdict.status, { exitCode, output, ...verdict });
    if (!this.#observed.gatesOpen) {
      const said = output.trim().split("\n").at(-1);
      const why = [`ended with ${exitCode} before its command`, reason, said].filter(Boolean).join(": ");
      this.#fail(new StepFailure("start", why, host));
    }
    this.#reporter.now();
  }

  /** Someone else removed a container. */
  gone(host: string, containerId: string): void {
    const known = this.#observed.container(host);
    if (this.#wanted.phase === "removed" || known?.containerId !== containerId || known.status === "exited")
      return;
    this.#restarts?.forget(host);
    this.#observed.set(host, "lost", { reason: "it was removed from outside" });
    if (!this.#observed.gatesOpen)
      this.#fail(new StepFailure("start", "its container was removed from outside", host));
    this.#reporter.now();
  }

  /** After events may have been missed: compares with all that the engine has of this session. */
  async resync(listed: readonly ListedContainer[]): Promise<void> {
    const byId = new Map(listed.map((container) => [container.id, container]));
    const jobs = [...this.#observed.prepared].map(async ([host, { containerId }]) => {
      const container = byId.get(containerId);
      if (!container) return this.gone(host, containerId);
      const { status } = this.#observed.container(host)!;
      if (!container.running && (this.#observed.gatesOpen || status === "started"))
        await this.ended(host, containerId);
    });
    await Promise.all(jobs);
  }

  /** Puts back what others took of its network. Not while that is being made, or taken over, which sees to it itself. */
  mend(): Promise<void> {
    const made = this.#made;
    if (
      !made ||
      !this.#isMade() ||
      this.#wanted.phase === "removed" ||
      !this.#observed.hasReached("prepared")
    )
      return this.#mended;
    this.#mended = provideNetwork(this.#context, made.assignment, made.hash, true).catch((error: Error) => {
      const { session, epoch } = made.assignment;
      this.#context.log.warn({ session, epoch, reason: error.message }, "the network could not be mended");
    });
    return this.#mended;
  }

  /** Says all that is known, unless nothing is. */
  tell(): void {
    const { phase, failure } = this.#observed;
    if (phase !== "none" || failure) this.#reporter.now();
  }

  async #converge(): Promise<void> {
    for (let failures = 0; !this.#isThere(); ) {
      const step = new AbortController();
      this.#step = step;
      try {
        // What mends a network must not do so while, or after, it is removed.
        await this.#mended;
        step.signal.throwIfAborted();
        await this.#advance(step.signal);
      } catch (error) {
        if (error === SUPERSEDED) continue;
        await this.#note(error as Error);
        // A removal is never given up, since what it holds on to stays reserved; nor is what must go before the rest can be made.
        if (!this.#isThere()) await delay(backoff(failures++, Math.random()));
      } finally {
        this.#step = undefined;
      }
    }
    // In one turn with the last look at what is wanted: no word can fall in between.
    this.#working = false;
  }

  /** Nothing to be done: what is wanted is reached, or cannot be. */
  #isThere(): boolean {
    const { phase } = this.#wanted;
    if (phase === "removed") return this.removed;
    return this.#isMade() && (this.#observed.failure !== undefined || this.#observed.hasReached(phase));
  }

  /** What is wanted is what is, or is being, made. */
  #isMade(): boolean {
    const { epoch, hash } = this.#wanted;
    return this.#made?.assignment.epoch === epoch && this.#made.hash === hash;
  }

  async #advance(signal: AbortSignal): Promise<void> {
    const { assignment, hash, phase, identities } = this.#wanted;
    if (phase === "removed") return await this.#remove();
    if (!assignment || !hash) throw new StepFailure("internal", `"${phase}" came without an assignment`);
    if (!this.#isMade()) {
      return await this.#begin({ assignment, hash }, signal);
    }
    const part = { context: this.#context, assignment, hash, observed: this.#observed };
    const progressed = () => this.#reporter.soon();
    switch (this.#observed.phase) {
      case "none":
        await prepare(part, this.#networkExists, progressed, signal);
        this.#reach("prepared");
        break;
      case "prepared":
        await start(part, identities ?? [], progressed, signal);
        signal.throwIfAborted();
        this.#reach("started");
        break;
      case "started":
        this.#observed.gatesOpen = true;
        await open(part);
        this.#reach("running");
    }
  }

  /** Clears away what is of another epoch or assignment; else takes over what is there. */
  async #begin(made: Made, signal: AbortSignal): Promise<void> {
    const { session, epoch, containers } = made.assignment;
    const found = this.#found;
    this.#context.log.info({ session, epoch }, "assigned");
    const nothing = found.containers.length === 0 && found.network === undefined;
    await this.#restarts?.close();
    if (this.#made || !isOf(found, made)) {
      this.#context.log.info({ session, epoch }, "an older plan's part is removed first");
      await removeSession(this.#context, new Observed(session, epoch), this.#force.signal);
    }
    this.#found = { containers: [] };
    this.#observed = new Observed(session, epoch, containers);
    this.#restarts = new Restarts(this.#context, made.assignment, {
      onVerdict: (host, verdict) => {
        this.#observed.set(host, verdict.status, verdict);
        this.#reporter.now();
      },
      onGone: (host, containerId) => this.gone(host, containerId),
    });
    this.#force = new AbortController();
    this.#networkExists = false;
    const isFound = !this.#made && !nothing && isOf(found, made);
    this.#made = made;
    if (!isFound) return;
    const part = { context: this.#context, ...made, observed: this.#observed };
    const listed = await takeOver(part, this.#restarts, found, signal);
    this.#networkExists = found.network !== undefined;
    this.#context.log.info({ session, epoch, phase: this.#observed.phase }, "session adopted");
    await this.resync(listed);
    this.tell();
  }

  async #remove(): Promise<void> {
    const { session, epoch, force } = this.#wanted;
    if (force) this.#force.abort();
    // What is being started now is there to be removed after this, and nothing comes back later.
    await this.#restarts?.close();
    if (this.#observed.epoch !== epoch) this.#observed = new Observed(session, epoch);
    await removeSession(this.#context, this.#observed, this.#force.signal, () => this.#reporter.soon());
    for (const { host } of this.#observed.report().containers) {
      const reason = this.#observed.lastWord(host);
      this.#observed.set(host, "removed", reason === undefined ? {} : { reason });
    }
    this.#reach("removed");
  }

  #reach(phase: Report["phase"]): void {
    this.#observed.phase = phase;
    this.#observed.failure = undefined;
    this.#context.log.info({ session: this.#observed.session, epoch: this.#observed.epoch }, phase);
    this.#reporter.now();
  }

  /** Breaks off the step under way; where there is none, says it at once. */
  #fail(failure: StepFailure): void {
    if (this.#step) this.#step.abort(failure);
    else this.#observed.failure ??= failure.failure;
  }

  async #note(error: Error): Promise<void> {
    const { failure } =
      error instanceof StepFailure ? error : new StepFailure("internal", error.message || String(error));
    if (!(error instanceof StepFailure)) this.#context.log.error({ err: error }, "a step broke");
    const { session, epoch } = this.#wanted;
    this.#context.log.warn({ session, epoch, ...failure }, "a step failed");
    // The next plan should know better.
    if (failure.code === "network_conflict") await this.#context.refreshFacts();
    this.#observed.failure = failure;
    this.#reporter.now();
  }
}
