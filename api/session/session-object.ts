/**
 * The Session object: one gang of containers from request to end. It stores the spec, the plan, and each node's wanted and reached phase.
 * Its mailbox sends changes to Fleet and the nodes.
 */
import { DurableObject } from "cloudflare:workers";
import { SkeinError, skeinErrorOf } from "../../shared/errors/errors.ts";
import type { Held, Report } from "../../shared/protocol/protocol.ts";
import { maySessionGo, SESSION_STATES } from "../../shared/session/lifecycle.ts";
import { isAtGate, newRecord, type SessionRecord } from "../../shared/session/session-record.ts";
import type { SessionView } from "../../shared/session/session-schemas.ts";
import { sessionEvent } from "../../shared/session/stream-events.ts";
import { type HeldToken, TokenWatch } from "../access/token-watch.ts";
import { EventStreams, type StreamStart } from "../events/event-streams.ts";
import { ProgressBoard } from "../events/progress-board.ts";
import { type Letter, Mailbox, takeNew } from "../mailbox/mailbox.ts";
import { Alarm } from "../platform/alarm.ts";
import type { AppReach, Lookup, Reach, ToSession } from "../platform/messages.ts";
import { fleetOf } from "../platform/objects.ts";
import { SealBroken } from "../platform/seal.ts";
import { Waiters } from "../platform/waiters.ts";
import { addSshKeys, sshKeysWith } from "./add-ssh-keys.ts";
import { isOpening, welcomeFrame } from "./assign-frames.ts";
import { eventsOf } from "./commit-events.ts";
import type { ContainerChange } from "./container-table.ts";
import { giveUp, nodeGone, nodeLost } from "./loss.ts";
import { endOverdue } from "./max-duration.ts";
import { NOTHING_OPENED, type Opened, openFor } from "./opened.ts";
import { RANK_OF } from "./part-table.ts";
import { fleetTold, release, terminate, waitedTooLong } from "./removal.ts";
import { begin, requestStart, takeReport } from "./rules.ts";
import { appReach, spendAppLink } from "./session-apps.ts";
import { FEED, FLEET, linkTarget, tellFeed, tellFleet, tellNodes } from "./session-mail.ts";
import { SessionStore } from "./session-store.ts";
import { sessionView } from "./session-view.ts";
import { limitAt, strike } from "./wait-limits.ts";

/** How long an answer waits for connected nodes to take keys. */
const SSH_KEYS_SECONDS = 10;

export class Session extends DurableObject<Cloudflare.Env> {
  readonly #store: SessionStore;
  readonly #mailbox: Mailbox<undefined>;
  readonly #waiters = new Waiters();
  readonly #progress = new ProgressBoard();
  readonly #streams: EventStreams;
  readonly #alarm: Alarm;

  constructor(ctx: DurableObjectState, env: Cloudflare.Env) {
    super(ctx, env);
    this.#alarm = new Alarm(ctx.storage);
    this.#store = new SessionStore(ctx.storage);
    this.#streams = new EventStreams(ctx.storage, new TokenWatch(env), {
      table: this.#store.events,
      progress: this.#progress,
      isOver: () => !isLive(this.#store.record()),
    });
    this.#mailbox = new Mailbox(ctx.storage, this.#alarm, async (target, letters) => {
      if (!this.#store.record()) return;
      if (target === FEED) return await tellFeed(env, this.#store);
      if (target !== FLEET) return await tellNodes(env, this.#store, target, () => this.#open());
      const number = await tellFleet(env, this.#store, letters);
      this.#change((record) => fleetTold(record, number));
    });
  }

  /** From Fleet. */
  async receive(sender: string, letters: Letter<ToSession>[]): Promise<void> {
    if (letters.some(({ body }) => body.kind === "forget")) return await this.#store.forget();
    const now = Date.now();
    const first = letters.find(({ body }) => body.kind === "create")?.body;
    if (first?.kind === "create" && !this.#store.record()) {
      const { spec, ...identity } = first;
      const record = newRecord(identity, spec.gate);
      this.ctx.storage.transactionSync(() => {
        this.#store.create(record, spec);
        this.#store.events.append([sessionEvent(record, record.createdAt)]);
        this.#mailbox.post(FEED, undefined, "events");
      });
    }
    if (!this.#store.record()) return;
    this.#change((record) =>
      takeNew(this.ctx.storage.sql, sender, letters).reduce(
        (next, { body }) => this.#taken(next, body, now),
        record,
      ),
    );
  }

  #taken(record: SessionRecord, message: ToSession, now: number): SessionRecord {
    switch (message.kind) {
      case "begin":
        return begin(this.#store, record, message, now);
      case "nodeLost":
        return nodeLost(this.#store, record, message, now);
      case "nodeGone":
        return nodeGone(this.#store, record, message.node, message.name, now);
      case "waitedTooLong":
        return waitedTooLong(this.#store, record, message.reason, now);
      default:
        return record;
    }
  }

  /** For the session's own project. Answers once the session is settled or waits to be started, at the latest after `waitSeconds`. */
  async get(project: string, waitSeconds: number): Promise<Lookup<SessionView>> {
    const there = this.#store.record();
    if (there?.project !== project) return { elsewhere: there !== undefined };
    const settled = () => {
      const record = this.#store.record()!;
      return SESSION_STATES[record.status].settled || isAtGate(record);
    };
    if (waitSeconds > 0 && !settled()) await this.#waiters.wait(settled, waitSeconds);
    return { found: sessionView(this.#store, this.#store.record()!) };
  }

  /** Whether it has ended, or is forgotten. */
  isOver(): boolean {
    const record = this.#store.record();
    return !record || !SESSION_STATES[record.status].live;
  }

  /** For the session's own project: one of its containers, as clients reach it. */
  reach(project: string, host: string): Lookup<Reach> {
    return this.#of(project, (record) => {
      const { id, name, status } = record;
      const { containers } = sessionView(this.#store, record);
      const container = containers.find((each) => each.host === host);
      return { id, name, status, hosts: containers.map((each) => each.host), container };
    });
  }

  /** For the session's own project: one of its apps. Cheap, since a page has dozens of requests. */
  app(project: string, name: string): Lookup<AppReach> {
    return this.#of(project, (record) => appReach(this.#store, record, name));
  }

  /** A link to an app works once: false if it was used before. `until`: how long it is good, ms since 1970. */
  spendAppLink(id: string, until: number): boolean {
    return this.ctx.storage.transactionSync(() => spendAppLink(this.ctx.storage.sql, id, until, Date.now()));
  }

  /** For the session's own project: its events as server-sent events. `stream` null: it is over, and the caller has all of them. */
  events(
    project: string,
    start: StreamStart,
    token: HeldToken,
  ): Lookup<{ stream: ReadableStream<Uint8Array> | null }> {
    return this.#of(project, () => ({ stream: this.#streams.open(start, token) ?? null }));
  }

  /** Opens its gate on its project's request, or notes that for later. @throws SkeinError `not_running` if its end has begun */
  start(project: string): Lookup<SessionView> {
    return this.#of(project, ({ name, status }) => {
      if (!maySessionGo(status, "terminating"))
        throw new SkeinError("not_running", `session ${name} is ${status}: it cannot be started any more`);
      this.#change((current) => requestStart(this.#store, current, Date.now()));
      return sessionView(this.#store, this.#store.record()!);
    });
  }

  /** Ends it on its project's request, and a hold of its containers. Changes nothing if the session has ended. */
  end(project: string): Lookup<SessionView> {
    return this.#of(project, () => {
      const now = Date.now();
      this.#change((current) =>
        release(this.#store, terminate(this.#store, current, "terminated", "ended by request", now), now),
      );
      return sessionView(this.#store, this.#store.record()!);
    });
  }

  /** How many of these keys of users would be new. @throws SkeinError like {@link sshKeysWith} */
  newSshKeys(project: string, keys: readonly string[]): Lookup<number> {
    return this.#of(
      project,
      (record) => sshKeysWith(this.#store, record, keys).length - this.#store.sshKeys().length,
    );
  }

  /**
   * Adds keys of users, and waits until they may log in, for a few seconds at most. Result: their number in all, and names of nodes whose
   * containers do not take all of them yet. @throws SkeinError like {@link sshKeysWith}
   */
  async addSshKeys(
    project: string,
    keys: readonly string[],
  ): Promise<Lookup<{ keys: number; missingOn: string[] }>> {
    const there = this.#store.record();
    if (there?.project !== project) return { elsewhere: there !== undefined };
    this.#change((record) => {
      addSshKeys(this.#store, record, keys);
      return record;
    });
    const lacking = () => this.#store.parts.lackingSshKeys(there.epoch, this.#store.sshKeys().length);
    const connected = new Set(await fleetOf(this.env).connectedOf(lacking().map(({ node }) => node)));
    const isOver = () => !isLive(this.#store.record()) || !lacking().some(({ node }) => connected.has(node));
    if (!isOver()) await this.#waiters.wait(isOver, SSH_KEYS_SECONDS);
    if (!isLive(this.#store.record())) return { elsewhere: false };
    return { found: { keys: this.#store.sshKeys().length, missingOn: lacking().map(({ name }) => name) } };
  }

  /** From a Link: a report of a node's agent. True: the node may forget this session. */
  report(node: string, report: Report): boolean {
    if (!this.#store.record()) return true;
    const { done } = this.#commit((record) => takeReport(this.#store, record, node, report, Date.now()));
    return done;
  }

  /** The frame for a node that reconnects and has `held` of this session; undefined if the session needs nothing of it. */
  async frameFor(node: string, held: Held | undefined): Promise<string | undefined> {
    const asked = () => {
      const part = this.#store.record() && this.#store.parts.of(node);
      return part?.reached === RANK_OF.removed ? undefined : part;
    };
    const before = asked();
    const opened = before && isOpening(before, held) ? await this.#open() : NOTHING_OPENED;
    const part = asked();
    return part && welcomeFrame(this.#store, this.#store.record()!, part, held, opened);
  }

  /** A session whose secrets cannot be read fails: else its nodes would wait for them until a time limit. */
  async #open(): Promise<Opened> {
    try {
      return await openFor(this.env, this.#store);
    } catch (error) {
      if (!(error instanceof SealBroken || skeinErrorOf(error)?.code === "secrets_key_missing")) throw error;
      const reason = `its secrets, or its project's credentials for a registry, cannot be read: ${(error as Error).message}`;
      this.#change((record) => terminate(this.#store, record, "failed", reason, Date.now()));
      return NOTHING_OPENED;
    }
  }

  override async alarm(): Promise<void> {
    this.#alarm.rang();
    const record = this.#store.record();
    if (!record) return;
    const now = Date.now();
    if ((limitAt(record) ?? Infinity) <= now) this.#change((current) => strike(this.#store, current, now));
    if ((record.runsUntil ?? Infinity) <= now)
      this.#change((current) => endOverdue(this.#store, current, now));
    if (record.giveUpAt !== null && record.giveUpAt <= Date.now()) await this.#giveUp();
    await this.#mailbox.deliverAll();
    this.#arm();
  }

  /** An answer for the session's own project, and for no other. */
  #of<T>(project: string, answer: (record: SessionRecord) => T): Lookup<T> {
    const record = this.#store.record();
    if (record?.project !== project) return { elsewhere: record !== undefined };
    return { found: answer(record) };
  }

  #change(work: (record: SessionRecord) => SessionRecord): void {
    this.#commit((record) => ({ record: work(record) }));
  }

  /** One commit: the change, its events and its letters. Then delivers them. @throws IllegalStep, and nothing is stored */
  #commit<T extends { record: SessionRecord }>(work: (record: SessionRecord) => T): T {
    // Those of a commit that was rolled back.
    this.#store.containers.takeChanges();
    const result = this.ctx.storage.transactionSync(() => {
      const before = this.#store.record()!;
      const done = work(before);
      if (done.record !== before) this.#store.putRecord(done.record);
      const changes = this.#store.containers.takeChanges();
      if (isNews(before, done.record, changes.length > 0)) this.#mailbox.post(FLEET, undefined, "news");
      this.#tell(before, done.record, changes);
      const links = new Set(this.#store.parts.takeAsked().map(linkTarget));
      for (const link of links) this.#mailbox.post(link, undefined, "parts");
      return done;
    });
    this.#waiters.check();
    this.#streams.wake();
    this.#arm();
    this.ctx.waitUntil(this.#mailbox.deliverAll());
    return result;
  }

  /** Stores the commit's events, which its project's Feed gets too. */
  #tell(before: SessionRecord, after: SessionRecord, changes: ContainerChange[]): void {
    const { events, progress } = eventsOf(this.#store, before, after, changes, new Date().toISOString());
    for (const data of progress) this.#progress.put(data);
    if (events.length === 0) return;
    for (const event of events) if (event.kind === "container") this.#progress.drop(event.data.host);
    this.#store.events.append(events);
    this.#mailbox.post(FEED, undefined, "events");
  }

  /** One alarm serves all: to retry deliveries, to give up disconnected nodes, for the next time limit, and for `maxDuration`. */
  #arm(): void {
    this.#mailbox.schedule();
    const record = this.#store.record();
    if (!record) return;
    const due = [record.giveUpAt, record.runsUntil, limitAt(record)].filter((at) => at !== null);
    if (due.length > 0) this.#alarm.ringBy(Math.min(...due));
  }

  /** The grace is over: gives up the nodes that are disconnected. */
  async #giveUp(): Promise<void> {
    const waitedFor = this.#store.parts.waitedFor().map(({ node }) => node);
    // If Fleet cannot be reached, all nodes count as connected: the platform retries an alarm that throws only six times.
    const connected = new Set(
      await fleetOf(this.env)
        .connectedOf(waitedFor)
        .catch(() => waitedFor),
    );
    const disconnected = waitedFor.filter((node) => !connected.has(node));
    this.#change((record) => giveUp(this.#store, record, disconnected, Date.now()));
  }
}

function isLive(record: SessionRecord | undefined): boolean {
  return record !== undefined && SESSION_STATES[record.status].live;
}

/** Whether Fleet needs to know of a commit: each step that Fleet waits for, and changes that lists show while the session runs. */
function isNews(before: SessionRecord, after: SessionRecord, containersChanged: boolean): boolean {
  if (after.news !== before.news) return true;
  return after.status === "running" && (containersChanged || after.lost !== before.lost);
}
