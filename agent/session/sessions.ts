/** All sessions of this node: what the API wants of each, and the sweep of what it wants no more. */
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { LABELS } from "../../shared/names.ts";
import type { Report } from "../../shared/protocol.ts";
import { networkName, ownerLabels } from "../docker/names.ts";
import type { EngineEvent } from "../docker/port.ts";
import { backoff } from "../link/backoff.ts";
import type { Desired } from "../link/frames.ts";
import { sweepLinks } from "../network/links.ts";
import type { Found } from "./adopt.ts";
import type { NodeContext } from "./context.ts";
import { SessionPart, seatOf } from "./part.ts";

/** Last reports of removed sessions that are kept, in case the API missed them. */
const MOST_REMEMBERED = 1024;
const MEND_MS = 10_000;

export class Sessions {
  readonly #context: NodeContext;
  readonly #send: (report: Report) => void;
  readonly #parts = new Map<string, SessionPart>();
  readonly #removed = new Map<string, Report>();
  /** From before this agent's start, until somebody asks for it. */
  #inventory: Map<string, Found> | undefined;
  /** Words of the API are taken in the order they came. */
  #order: Promise<unknown> = Promise.resolve();

  constructor(context: NodeContext, send: (report: Report) => void) {
    this.#context = context;
    this.#send = send;
  }

  /** The whole truth: what is not in it goes. */
  welcome(assignments: readonly Desired[]): void {
    this.#inOrder(async () => {
      const { guard, log, owner, runner } = this.#context;
      this.#inventory ??= await this.#takeInventory();
      const listed = new Set(assignments.map(({ session }) => session));
      const known = new Set([...listed, ...this.#parts.keys(), ...this.#inventory.keys()]);
      const networks = assignments.flatMap(({ session, assignment }) =>
        assignment ? [{ session, network: assignment.network }] : [],
      );
      // What fails here is not lost: each session sees to its own part of it once more, and says so where that fails.
      const goOn = (error: Error) => log.error({ err: error }, "taking stock was cut short");
      // All at once, so that no session goes unguarded while another is seen to.
      await guard.add(networks).catch(goOn);
      const links = await sweepLinks(runner, owner, known).catch(goOn);
      if (links?.length) log.info({ links }, "swept");
      for (const session of known) if (!listed.has(session)) this.#drop(session);
      for (const desired of assignments) {
        this.#parts.get(desired.session)?.tell();
        this.#take(desired);
      }
      await this.#sweepFiles(known);
    });
  }

  assign(desired: Desired): void {
    this.#inOrder(async () => this.#take(desired));
  }

  /** Tells the session concerned; resolves when it has looked. */
  async onEvent({ type, action, id, attributes }: EngineEvent): Promise<void> {
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
  }

  /** Every few seconds: other programs delete links, and flush firewalls that they take for their own. */
  async mend(signal: AbortSignal): Promise<void> {
    for (;;) {
      await delay(MEND_MS, undefined, { signal }).catch(() => {});
      if (signal.aborted) return;
      await Promise.all([...this.#parts.values()].map((part) => part.mend()));
    }
  }

  #inOrder(job: () => Promise<void>): void {
    this.#order = this.#order.then(job).catch((error) => {
      this.#context.log.error({ err: error }, "what the API wants could not be taken in");
    });
  }

  #take(desired: Desired): void {
    const { session } = desired;
    const part = this.#parts.get(session);
    if (part && !part.removed) {
      part.want(desired);
      return;
    }
    const last = this.#removed.get(session);
    // A reminder of what is done already: the report was lost.
    if (last && desired.epoch <= last.epoch) this.#send(last);
    else this.#open(desired, this.#send);
  }

  #open(desired: Desired, send: (report: Report) => void): void {
    const { session } = desired;
    const found = this.#inventory?.get(session) ?? { containers: [] };
    this.#inventory?.delete(session);
    const part = new SessionPart(this.#context, desired, found, (report) => {
      if (part.removed) this.#forget(session, report);
      send(report);
    });
    this.#parts.set(session, part);
    part.converge();
  }

  #forget(session: string, report: Report): void {
    this.#parts.delete(session);
    this.#removed.delete(session);
    this.#removed.set(session, report);
    const oldest = this.#removed.keys().next();
    if (this.#removed.size > MOST_REMEMBERED && !oldest.done) this.#removed.delete(oldest.value);
  }

  /** Removes a session that the API does not speak of any more, without a word to it. */
  #drop(session: string): void {
    this.#context.log.info({ session }, "no longer assigned: removed");
    const part = this.#parts.get(session);
    const gone: Desired = { type: "assign", session, epoch: part?.epoch ?? 1, phase: "removed" };
    if (part) part.want(gone);
    else this.#open(gone, () => {});
  }

  /** What a welcome says is said once: an engine that is being restarted must not make it be lost. */
  async #takeInventory(): Promise<Map<string, Found>> {
    for (let failures = 0; ; failures++) {
      try {
        return await this.#readInventory();
      } catch (error) {
        this.#context.log.warn({ reason: (error as Error).message }, "taking stock is tried again");
        await delay(backoff(failures, Math.random()));
      }
    }
  }

  async #readInventory(): Promise<Map<string, Found>> {
    const { docker, owner } = this.#context;
    const labels = ownerLabels(owner);
    const [containers, networks] = await Promise.all([docker.containers(labels), docker.networks()]);
    const inventory = new Map<string, Found>();
    const of = (session: string) => {
      const found = inventory.get(session) ?? { containers: [] };
      inventory.set(session, found);
      return found;
    };
    for (const container of containers) of(seatOf(container.labels).session).containers.push(container);
    for (const network of networks) {
      const ours = network.labels[LABELS.fleet] === owner.fleet && network.labels[LABELS.node] === owner.node;
      if (ours) of(seatOf(network.labels).session).network = network.labels;
    }
    return inventory;
  }

  /** Directories that no session claims, left by an agent that was killed. `known` have seen to theirs, or will. */
  async #sweepFiles(known: ReadonlySet<string>): Promise<void> {
    const { sessionsDir, owner } = this.#context;
    const claimed = new Set([...known].map((session) => networkName(owner, session)));
    const stale = (await readdir(sessionsDir)).filter((name) => !claimed.has(name));
    await Promise.all(stale.map((name) => rm(join(sessionsDir, name), { recursive: true, force: true })));
  }
}
