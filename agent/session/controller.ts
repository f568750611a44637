/**
 * The state of one session on this node, and a verb for each step. `next-step.ts` decides which step is next, and the loop around both is in
 * `convergence.ts`. One step runs at a time.
 */
import type { Report } from "../../shared/protocol/protocol.ts";
import type { ListedContainer } from "../docker/port.ts";
import { epochsOf, type Found, takeOver } from "./adopt.ts";
import { ASSIGNMENT_FILES, type SentAssignment } from "./assignment-store.ts";
import { authorize } from "./authorize.ts";
import { selfDir } from "./container-record.ts";
import { type NodeContext, sessionDir } from "./context.ts";
import type { Desired } from "./desired.ts";
import { hasReached, type Situation, type Step } from "./next-step.ts";
import { Observed } from "./observed.ts";
import { open } from "./open.ts";
import { prepare, type SessionTask } from "./prepare.ts";
import { removeSession } from "./remove.ts";
import { type RestartListener, Restarts } from "./restarts.ts";
import { provideNetwork } from "./session-network.ts";
import { start } from "./start.ts";

/** A container of this node, for who wants to enter it. */
export interface SessionContainer {
  containerId: string;
  /** In the session. */
  address: string;
  /** It is on the node's own network. */
  hostNetwork: boolean;
  /** Its own folder on the node. */
  selfDir: string;
  /** It runs, and its gate is open. */
  running: boolean;
  /** It is to be removed. */
  leaving: boolean;
}

/** Hears what a step does. */
export interface Listener extends RestartListener {
  /** A part of a step is done. */
  onProgress(): void;
  /** A phase is reached. */
  onPhase(): void;
  /** The session was adopted. `listed` are its containers in the engine now. */
  onAdopted(listed: readonly ListedContainer[]): Promise<void>;
}

const NOTHING: Found = { containers: [] };

type Verb = (desired: Desired, signal: AbortSignal) => Promise<void>;

export class SessionController {
  readonly #context: NodeContext;
  readonly #listener: Listener;
  #observed: Observed;
  /** What an earlier run of the agent made, until it is adopted or removed. */
  #found: Found;
  /** Epochs that this run of the agent worked on before another one was wanted. */
  readonly #abandoned = new Set<number>();
  #restarts: Restarts | undefined;
  #force = new AbortController();
  /** Repairs the network; never rejects. */
  #mended: Promise<void> = Promise.resolve();

  constructor(context: NodeContext, { session, epoch, sent }: Desired, found: Found, listener: Listener) {
    this.#context = context;
    this.#found = found;
    this.#listener = listener;
    this.#observed = new Observed(session, epoch, sent?.assignment.containers);
  }

  /** The state of the epoch that was worked on last. */
  get observed(): Observed {
    return this.#observed;
  }

  /** A container of the wanted epoch. */
  container({ epoch, phase, sent }: Desired, host: string): SessionContainer | undefined {
    const { session, prepared } = this.#observed;
    const spec = sent?.assignment.containers.find((each) => each.host === host);
    const made = this.#observed.epoch === epoch ? prepared.get(host) : undefined;
    if (!spec || !made) return undefined;
    return {
      containerId: made.containerId,
      address: spec.address,
      hostNetwork: spec.hostNetwork === true,
      selfDir: selfDir(sessionDir(this.#context, session), host),
      // `open` says so once the gate is open.
      running: phase !== "removed" && this.#observed.container(host)?.status === "running",
      leaving: phase === "removed",
    };
  }

  get restarts(): Restarts | undefined {
    return this.#restarts;
  }

  situation({ epoch, phase, sent }: Desired): Situation {
    const { observed } = this;
    const isAnother = observed.epoch !== epoch;
    return {
      wanted: { epoch, phase },
      stored: sent === undefined || this.#context.assignments.has(sent),
      left: [...epochsOf(this.#found), ...this.#abandoned, ...(isAnother ? [observed.epoch] : [])],
      reached: isAnother ? "none" : observed.phase,
      authorized: observed.sshKeys >= (sent?.sshKeys.length ?? 0),
      failed: !isAnother && observed.failure !== undefined,
    };
  }

  async perform(step: Exclude<Step, "rest">, desired: Desired, signal: AbortSignal): Promise<void> {
    // A repair of the network must not run during its removal, or after it.
    await this.#mended;
    signal.throwIfAborted();
    if (this.#observed.epoch !== desired.epoch) {
      this.#abandoned.add(this.#observed.epoch);
      this.#renew(desired);
    }
    await this.#verbs[step](desired, signal);
  }

  /** From now on containers are killed at once. */
  killAtOnce(): void {
    this.#force.abort();
  }

  /** Repairs the network if other programs changed it. Does nothing while `prepare` or `adopt` works on it. */
  mend({ epoch, phase, sent }: Desired): Promise<void> {
    const { observed } = this;
    if (!sent || phase === "removed" || observed.epoch !== epoch || !hasReached(observed.phase, "prepared"))
      return this.#mended;
    this.#mended = provideNetwork(this.#context, sent.assignment, true).catch((error: Error) => {
      const { session } = sent;
      this.#context.log.warn({ session, epoch, reason: error.message }, "the network could not be repaired");
    });
    return this.#mended;
  }

  readonly #verbs: Record<Exclude<Step, "rest">, Verb> = {
    store: async ({ sent }) => await this.#context.assignments.save(sent!),

    clear: async (desired) => {
      const { session, epoch } = desired;
      this.#context.log.info(
        { session, epoch, left: this.situation(desired).left },
        "removing another epoch first",
      );
      await this.#restarts?.close();
      await removeSession(this.#context, new Observed(session, epoch), this.#force.signal, {
        keep: ASSIGNMENT_FILES,
      });
      this.#found = NOTHING;
      this.#abandoned.clear();
      this.#force = new AbortController();
      this.#renew(desired);
    },

    adopt: async ({ sent }, signal) => {
      const listed = await takeOver(this.#task(sent!), this.#restartsOf(sent!), this.#found, signal);
      this.#found = NOTHING;
      this.#log("session adopted");
      await this.#listener.onAdopted(listed);
      // A container that ended too early has aborted this step.
      signal.throwIfAborted();
    },

    prepare: async ({ sent, registries = [] }, signal) => {
      this.#log("assigned");
      this.#restartsOf(sent!);
      await prepare(this.#task(sent!), registries, () => this.#listener.onProgress(), signal);
      await authorize(this.#task(sent!), sent!);
      this.#reach("prepared");
    },

    authorize: async ({ sent }) => {
      await authorize(this.#task(sent!), sent!);
      this.#listener.onPhase();
    },

    start: async ({ sent }, signal) => {
      await start(this.#task(sent!), sent!.keys ?? [], () => this.#listener.onProgress(), signal);
      signal.throwIfAborted();
      this.#reach("started");
    },

    open: async ({ sent }) => {
      this.#observed.gatesOpen = true;
      await open(this.#task(sent!));
      this.#reach("running");
    },

    remove: async ({ session, force }) => {
      if (force) this.#force.abort();
      // Waits for a restart that is under way, so that its container is removed too. No restart begins after this.
      await this.#restarts?.close();
      const observed = this.#observed;
      await removeSession(this.#context, observed, this.#force.signal, {
        progressed: () => this.#listener.onProgress(),
      });
      await this.#context.logs.over(session);
      this.#context.assignments.forget(session);
      for (const { host } of observed.report().containers) {
        const reason = observed.lastWord(host);
        observed.set(host, "removed", reason === undefined ? {} : { reason });
      }
      this.#reach("removed");
    },
  };

  /** Starts with nothing observed of the wanted epoch. */
  #renew({ session, epoch, sent }: Desired): void {
    void this.#restarts?.close();
    this.#restarts = undefined;
    this.#observed = new Observed(session, epoch, sent?.assignment.containers);
  }

  #task({ assignment }: SentAssignment): SessionTask {
    return { context: this.#context, assignment, observed: this.#observed };
  }

  #restartsOf({ assignment }: SentAssignment): Restarts {
    this.#restarts ??= new Restarts(this.#context, assignment, this.#listener);
    return this.#restarts;
  }

  #reach(phase: Report["phase"]): void {
    this.#observed.phase = phase;
    this.#observed.failure = undefined;
    this.#log(phase);
    this.#listener.onPhase();
  }

  #log(message: string): void {
    const { session, epoch, phase } = this.#observed;
    this.#context.log.info({ session, epoch, phase }, message);
  }
}
