/** All sessions of this node: passes on what the API wants of each, and removes what it does not want. */
import { setTimeout as delay } from "node:timers/promises";
import { LABELS } from "../../shared/protocol/names.ts";
import type { Assign, Report } from "../../shared/protocol/protocol.ts";
import { backoff } from "../backoff.ts";
import { networkName, ownerLabels, sessionAndHostOf } from "../docker/docker-names.ts";
import type { EngineEvent } from "../docker/port.ts";
import { sweepLinks } from "../network/sweep-links.ts";
import type { Found } from "./adopt.ts";
import type { SentAssignment } from "./assignment-store.ts";
import type { NodeContext } from "./context.ts";
import type { SessionContainer } from "./controller.ts";
import { type Desired, desiredOf, missingIn } from "./desired.ts";
import { readInventory, sweepFiles } from "./inventory.ts";
import { guardedOf } from "./node-reach.ts";
import { SessionPart } from "./session-part.ts";

/** How many last reports of removed sessions are kept, in case the API missed one. */
const MOST_REMEMBERED = 1024;
const MEND_MS = 10_000;
const SWEEP_MS = 3 * 60_000;

const NOTHING: Found = { containers: [] };

export class Sessions {
  readonly #context: NodeContext;
  readonly #send: (report: Report) => void;
  readonly #resync: (reason: string) => void;
  readonly #parts = new Map<string, SessionPart>();
  readonly #removed = new Map<string, Report>();
  /** Sessions that are removed because the API does not list them. Nothing is reported of them unless the API names them again. */
  readonly #unspoken = new Set<string>();
  /** Sessions of which the engine made something during their removal. */
  readonly #belated = new Set<string>();
  /** Whether the API has said which sessions it wants. */
  #welcomed = false;
  /** Handles the API's messages in the order of their arrival. */
  #order: Promise<unknown> = Promise.resolve();

  /** `send` takes reports. `resync` asks the API to send everything again that this node lacks. */
  constructor(
    context: NodeContext,
    send: (report: Report) => void,
    resync: (reason: string) => void = () => {},
  ) {
    this.#context = context;
    this.#send = send;
    this.#resync = resync;
  }

  /** `assignments` is everything that the API wants here: other sessions are removed. */
  welcome(assignments: readonly Assign[]): void {
    this.#inOrder(async () => {
      const { guard, allowed } = this.#context;
      const inventory = await this.#takeInventory();
      const listed = new Map<string, Desired>();
      for (const assign of assignments) listed.set(assign.session, await this.#complete(assign));
      // After a restart the table of the last run also guards the sessions that this run lacks. It stays until all are known.
      const lacking = this.#welcomed ? [] : [...listed.values()].filter(missingIn);
      for (const desired of lacking) this.#lack(desired);
      if (lacking.length > 0) return;
      const networks = [...listed.values()].flatMap(({ sent }) =>
        sent ? [guardedOf(sent.assignment, allowed)] : [],
      );
      // All at once, so that each session stays guarded while others are handled.
      await guard.add(networks).catch((error) => this.#goOn(error));
      for (const session of this.#parts.keys()) if (!listed.has(session)) this.#drop(session);
      const taken = [...listed.values()].map((desired) => {
        this.#parts.get(desired.session)?.reportAgain();
        return this.#take(desired, inventory.get(desired.session));
      });
      // When something is missing, only the next welcome says what to sweep.
      if (taken.includes(false)) return;
      this.#welcomed = true;
      await this.#sweep(inventory);
    });
  }

  assign(assign: Assign): void {
    this.#inOrder(async () => void this.#take(await this.#complete(assign)));
  }

  /** A session's container on this node; undefined if it has none of that name. */
  container(session: string, host: string): SessionContainer | undefined {
    return this.#parts.get(session)?.container(host);
  }

  /** Passes an event on to its session. Resolves when the session has handled it. */
  async onEvent({ type, action, id, attributes }: EngineEvent): Promise<void> {
    if (action === "create") return this.#created(type, attributes);
    const { fleet, node } = this.#context.owner;
    if (type !== "container" || attributes[LABELS.fleet] !== fleet || attributes[LABELS.node] !== node)
      return;
    const { session, host } = sessionAndHostOf(attributes);
    const part = this.#parts.get(session);
    if (action === "die") await part?.ended(host, id);
    if (action === "destroy") part?.gone(host, id);
  }

  /** To be called when events of the engine may have been missed. */
  async resync(): Promise<void> {
    const listed = await this.#context.docker.containers(ownerLabels(this.#context.owner));
    await Promise.all(
      [...this.#parts].map(([session, part]) =>
        part.resync(listed.filter(({ labels }) => labels[LABELS.session] === session)),
      ),
    );
    this.#sweepAgain();
  }

  /** Every few seconds repairs networks, since other programs delete links and flush firewalls. Every few minutes sweeps. */
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
      this.#context.log.error({ err: error }, "a message of the API could not be handled");
    });
  }

  async #complete(assign: Assign): Promise<Desired> {
    const { session, epoch, phase } = assign;
    return desiredOf(assign, phase === "removed" ? undefined : await this.#known(session, epoch));
  }

  async #known(session: string, epoch: number): Promise<SentAssignment | undefined> {
    const inMemory = this.#parts.get(session)?.sent;
    if (inMemory?.epoch === epoch) return inMemory;
    const onDisk = await this.#context.assignments.load(session);
    return onDisk?.epoch === epoch ? onDisk : undefined;
  }

  /** False when this node lacks something for it, and so asked the API to send everything again. */
  #take(desired: Desired, found = NOTHING): boolean {
    const { session, epoch } = desired;
    this.#unspoken.delete(session);
    const part = this.#parts.get(session);
    const isThere = part !== undefined && !part.removed;
    const last = this.#removed.get(session);
    if (isThere && part.isLate(desired)) return true;
    if (!isThere && last && epoch <= last.epoch) {
      // The session is removed already. The API asks again because the report was lost.
      this.#send(last);
      return true;
    }
    if (missingIn(desired)) {
      this.#lack(desired);
      return false;
    }
    if (isThere) part.want(desired);
    else this.#open(desired, found);
    return true;
  }

  /** Asks the API to send everything again that `hello` does not list, and this session with it. */
  #lack(desired: Desired): void {
    const { session, epoch } = desired;
    this.#context.assignments.forget(session);
    this.#resync(
      `session ${session} at epoch ${epoch} came without ${missingIn(desired)}, and this node has none`,
    );
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

  /** Removes a session that the API does not list any longer. Without a report, if this run of the agent had no part of it. */
  #drop(session: string, found = NOTHING): void {
    this.#context.log.info({ session }, "the API does not list this session any longer: removing it");
    const part = this.#parts.get(session);
    const gone: Desired = { session, epoch: part?.epoch ?? 1, phase: "removed" };
    if (part) part.want(gone);
    else {
      this.#unspoken.add(session);
      this.#open(gone, found);
    }
  }

  /**
   * The engine made something. A busy engine may do so late: the agent that asked was killed meanwhile, and its session is removed already.
   * Such objects are swept. The event of a network has no labels, only a name, so it may also be another agent's network.
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

  /** Removes containers, networks, links and files without a session. Must run in order with the API's messages. */
  async #sweep(inventory: ReadonlyMap<string, Found>): Promise<void> {
    const { log, owner, runner } = this.#context;
    for (const [session, found] of inventory) if (!this.#parts.has(session)) this.#drop(session, found);
    const claimed = new Set([...this.#parts.keys(), ...inventory.keys()]);
    // A failure here is not final: each removal of a session also removes its links, and reports when it cannot.
    const links = await sweepLinks(runner, owner, claimed).catch((error) => this.#goOn(error));
    if (links?.length) log.info({ links }, "links without a session were removed");
    await sweepFiles(this.#context, claimed);
  }

  #goOn(error: Error): undefined {
    this.#context.log.error({ err: error }, "the sweep could not be completed");
  }

  /** Retries, since the API sends a welcome only once, and the engine may be restarting. */
  async #takeInventory(): Promise<Map<string, Found>> {
    for (let failures = 0; ; failures++) {
      try {
        return await readInventory(this.#context);
      } catch (error) {
        this.#context.log.warn(
          { reason: (error as Error).message },
          "the engine did not list its containers; trying again",
        );
        await delay(backoff(failures, Math.random()));
      }
    }
  }
}
