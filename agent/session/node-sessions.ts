/** All sessions of this node: what the API wants of each, and the sweep of what nobody wants. */
import { setTimeout as delay } from "node:timers/promises";
import { LABELS } from "../../shared/protocol/names.ts";
import type { Report } from "../../shared/protocol/protocol.ts";
import { networkName, ownerLabels, seatOf } from "../docker/docker-names.ts";
import type { EngineEvent } from "../docker/port.ts";
import type { Desired } from "../link/api-frames.ts";
import { backoff } from "../link/backoff.ts";
import { sweepLinks } from "../network/sweep-links.ts";
import type { Found } from "./adopt.ts";
import type { NodeContext } from "./context.ts";
import { readInventory, sweepFiles } from "./inventory.ts";
import { guardedOf } from "./node-reach.ts";
import { SessionPart } from "./session-part.ts";

/** Last reports of removed sessions that are kept, in case the API missed them. */
const MOST_REMEMBERED = 1024;
const MEND_MS = 10_000;
const SWEEP_MS = 3 * 60_000;

const NOTHING: Found = { containers: [] };

export class Sessions {
  readonly #context: NodeContext;
  readonly #send: (report: Report) => void;
  readonly #parts = new Map<string, SessionPart>();
  readonly #removed = new Map<string, Report>();
  /** Sessions that are removed because the API does not speak of them: nothing is said of them either, until it does. */
  readonly #unspoken = new Set<string>();
  /** Sessions of which something came up while they were being removed. */
  readonly #belated = new Set<string>();
  /** Whether we know which sessions are wanted. */
  #welcomed = false;
  /** Words of the API are taken in the order they came. */
  #order: Promise<unknown> = Promise.resolve();

  constructor(context: NodeContext, send: (report: Report) => void) {
    this.#context = context;
    this.#send = send;
  }

  /** The whole truth: what is not in it goes. */
  welcome(assignments: readonly Desired[]): void {
    this.#inOrder(async () => {
      const { guard, allowed } = this.#context;
      const inventory = await this.#takeInventory();
      const networks = assignments.flatMap(({ assignment }) =>
        assignment ? [guardedOf(assignment, allowed)] : [],
      );
      // All at once, so that no session goes unguarded while another is seen to.
      await guard.add(networks).catch((error) => this.#goOn(error));
      const listed = new Set(assignments.map(({ session }) => session));
      for (const session of this.#parts.keys()) if (!listed.has(session)) this.#drop(session);
      for (const desired of assignments) {
        this.#parts.get(desired.session)?.tell();
        this.#take(desired, inventory.get(desired.session));
      }
      this.#welcomed = true;
      await this.#sweep(inventory);
    });
  }

  assign(desired: Desired): void {
    this.#inOrder(async () => this.#take(desired));
  }

  /** Tells the session concerned; resolves when it has looked. */
  async onEvent({ type, action, id, attributes }: EngineEvent): Promise<void> {
    if (action === "create") return this.#created(type, attributes);
    const { fleet, node } = this.#context.owner;
    if (type !== "container" || attributes[LABELS.fleet] !== fleet || attributes[LABELS.node] !== node)
      return;
    const { session, host } = seatOf(attributes);
    const part = this.#parts.get(session);
    if (action === "die") await part?.ended(host, id);
    if (action === "destroy") part?.gone(host, id);
  }

  /** After the engine's events were not heard for a while. */
  async resync(): Promise<void> {
    const listed = await this.#context.docker.containers(ownerLabels(this.#context.owner));
    await Promise.all(
      [...this.#parts].map(([session, part]) =>
        part.resync(listed.filter(({ labels }) => labels[LABELS.session] === session)),
      ),
    );
    this.#sweepAgain();
  }

  /** Every few seconds: other programs delete links, and flush firewalls that they take for their own. Every few minutes: the sweep. */
  async mend(signal: AbortSignal): Promise<void> {
    for (let swept = performance.now(); ; ) {
      await delay(MEND_MS, undefined, { signal }).catch(() => {});
      if (signal.aborted) return;
      await Promise.all([...this.#parts.values()].map((part) => part.mend()));
      if (performance.now() - swept < SWEEP_MS) continue;
      swept = performance.now();
      this.#sweepAgain();
    }
  }

  #inOrder(job: () => Promise<void>): void {
    this.#order = this.#order.then(job).catch((error) => {
      this.#context.log.error({ err: error }, "what the API wants could not be taken in");
    });
  }

  #take(desired: Desired, found = NOTHING): void {
    const { session } = desired;
    this.#unspoken.delete(session);
    const part = this.#parts.get(session);
    if (part && !part.removed) {
      part.want(desired);
      return;
    }
    const last = this.#removed.get(session);
    // A reminder of what is done already: the report was lost.
    if (last && desired.epoch <= last.epoch) this.#send(last);
    else this.#open(desired, found);
  }

  #open(desired: Desired, found: Found): void {
    const { session } = desired;
    const part = new SessionPart(this.#context, desired, found, (report) => {
      if (!this.#unspoken.has(session)) this.#send(report);
      if (part.removed) this.#forget(session, report);
    });
    this.#parts.set(session, part);
    part.converge();
  }

  #forget(session: string, report: Report): void {
    this.#parts.delete(session);
    this.#unspoken.delete(session);
    this.#removed.delete(session);
    this.#removed.set(session, report);
    const oldest = this.#removed.keys().next();
    if (this.#removed.size > MOST_REMEMBERED && !oldest.done) this.#removed.delete(oldest.value);
    if (this.#belated.delete(session)) this.#sweepAgain();
  }

  /** Removes a session that the API does not speak of any more, without a word to it. */
  #drop(session: string, found = NOTHING): void {
    this.#context.log.info({ session }, "no longer assigned: removed");
    const part = this.#parts.get(session);
    const gone: Desired = { type: "assign", session, epoch: part?.epoch ?? 1, phase: "removed" };
    if (part) part.want(gone);
    else {
      this.#unspoken.add(session);
      this.#open(gone, found);
    }
  }

  /**
   * An engine may be late to do what it was asked by an agent that was killed since, when that session is removed already: what it makes then is
   * nobody's. A network's event has its name only, so one that may be another agent's is looked at as well.
   */
  #created(type: EngineEvent["type"], attributes: Record<string, string>): void {
    const { owner } = this.#context;
    const name = attributes["name"] ?? "";
    const isOurs =
      type === "network"
        ? name.startsWith("skein-")
        : attributes[LABELS.fleet] === owner.fleet && attributes[LABELS.node] === owner.node;
    const isOf = (session: string) =>
      type === "network" ? networkName(owner, session) === name : session === attributes[LABELS.session];
    const claim = [...this.#parts].find(([session]) => isOf(session));
    if (!isOurs || claim?.[1].leaving === false) return;
    if (claim) this.#belated.add(claim[0]);
    else this.#sweepAgain();
  }

  #sweepAgain(): void {
    this.#inOrder(async () => {
      if (this.#welcomed) await this.#sweep(await readInventory(this.#context));
    });
  }

  /** Removes what of `inventory`, of the kernel and of our files is of no session here. In order with the API's words: it claims by them. */
  async #sweep(inventory: ReadonlyMap<string, Found>): Promise<void> {
    const { log, owner, runner } = this.#context;
    for (const [session, found] of inventory) if (!this.#parts.has(session)) this.#drop(session, found);
    const claimed = new Set([...this.#parts.keys(), ...inventory.keys()]);
    // What fails here is not lost: each session sees to its own part of it once more, and says so where that fails.
    const links = await sweepLinks(runner, owner, claimed).catch((error) => this.#goOn(error));
    if (links?.length) log.info({ links }, "swept");
    await sweepFiles(this.#context, claimed);
  }

  #goOn(error: Error): undefined {
    this.#context.log.error({ err: error }, "taking stock was cut short");
  }

  /** What a welcome says is said once: an engine that is being restarted must not make it be lost. */
  async #takeInventory(): Promise<Map<string, Found>> {
    for (let failures = 0; ; failures++) {
      try {
        return await readInventory(this.#context);
      } catch (error) {
        this.#context.log.warn({ reason: (error as Error).message }, "taking stock is tried again");
        await delay(backoff(failures, Math.random()));
      }
    }
  }
}
