/**
 * The Session object: one gang of containers from request to end. It keeps the spec, the plan, and what each node
 * is asked and has reached; it tells nodes and Fleet what they do not know yet, until they have taken it.
 */
import { DurableObject } from "cloudflare:workers";
import type { Report } from "../../shared/protocol/protocol.ts";
import { SESSION_STATES } from "../../shared/session/lifecycle.ts";
import type { SessionView } from "../../shared/session/session-schemas.ts";
import { Alarm } from "../platform/alarm.ts";
import type { FleetMessage, Lookup } from "../platform/messages.ts";
import { nodeOf } from "../platform/objects.ts";
import { Frames } from "./assign-frames.ts";
import { nodeGone, nodeLost } from "./loss.ts";
import { begin, settle, takeReport, terminate } from "./rules.ts";
import { type PartRow, RANK_OF, type SessionRecord, SessionStore } from "./session-store.ts";
import { sessionView } from "./session-view.ts";
import { Telling } from "./telling.ts";
import { limitAt, strike } from "./wait-limits.ts";
import { Waiters } from "./waiters.ts";

/** How often a node that is there is asked again whether it still is, while a session waits for it to end. */
const ASK_AGAIN_MS = 10_000;

export class Session extends DurableObject<Cloudflare.Env> {
  readonly #store: SessionStore;
  readonly #frames: Frames;
  readonly #telling: Telling;
  readonly #waiters = new Waiters();
  readonly #alarm: Alarm;

  constructor(ctx: DurableObjectState, env: Cloudflare.Env) {
    super(ctx, env);
    this.#alarm = new Alarm(ctx.storage);
    this.#store = new SessionStore(ctx.storage);
    this.#frames = new Frames(this.#store);
    this.#telling = new Telling(env, this.#store, this.#frames, (work) => this.#change(work));
  }

  /** From Fleet. */
  take(message: FleetMessage): void {
    if (message.kind === "create") {
      if (!this.#store.record()) this.#create(message);
      return;
    }
    this.#change((record) => {
      if (message.kind === "begin") begin(this.#store, record, message, Date.now());
      else if (message.kind === "nodeGone")
        nodeGone(this.#store, record, message.node, message.name, Date.now());
      else nodeLost(this.#store, record, message, Date.now());
    });
  }

  /** For its own project. Answers at once where `waitSeconds` is 0 or it is settled; else when it settles, at the latest then. */
  async get(project: string, waitSeconds: number): Promise<Lookup<SessionView>> {
    const there = this.#store.record();
    if (there?.project !== project) return { elsewhere: there !== undefined };
    const settled = () => SESSION_STATES[this.#store.record()!.status].settled;
    if (waitSeconds > 0 && !settled()) await this.#waiters.wait(settled, waitSeconds);
    return { found: sessionView(this.#store, this.#store.record()!) };
  }

  /** Ends it on its project's request. Ending an ended one changes nothing. */
  end(project: string): Lookup<SessionView> {
    const record = this.#store.record();
    if (record?.project !== project) return { elsewhere: record !== undefined };
    this.#change((current) => terminate(this.#store, current, "terminated", "ended by request", Date.now()));
    return { found: sessionView(this.#store, this.#store.record()!) };
  }

  /** From a Node, what its agent observes. True: nothing of this session is the node's concern any more. */
  report(node: string, report: Report): boolean {
    if (!this.#store.record()) return true;
    const answer = this.#change((record) => takeReport(this.#store, record, node, report, Date.now()));
    if (answer === "again") this.ctx.waitUntil(this.#telling.again(node));
    return answer === "done";
  }

  /** The frame that a node that (re)connects has to get; undefined where it has nothing to do here. */
  frameFor(node: string): string | undefined {
    const record = this.#store.record();
    const part = record && this.#store.partOf(node);
    if (!part || part.reached === RANK_OF.removed) return undefined;
    return this.#frames.frame(record, part, this.#identitiesFor(part));
  }

  override async alarm(): Promise<void> {
    this.#alarm.rang();
    const record = this.#store.record();
    if (!record) return;
    const now = Date.now();
    if ((limitAt(record) ?? Infinity) <= now) this.#change((current) => strike(this.#store, current, now));
    if (record.giveUpAt !== null && record.giveUpAt <= Date.now()) await this.#giveUp();
    await this.#telling.tell();
    this.#arm();
  }

  #identitiesFor(part: PartRow): string {
    return part.wanted === RANK_OF.removed || part.wanted < RANK_OF.started ? "[]" : this.#store.identities();
  }

  #create({ id, project, name, spec, createdAt }: Extract<FleetMessage, { kind: "create" }>): void {
    const record: SessionRecord = {
      id,
      project,
      name,
      status: "pending",
      reason: null,
      epoch: 0,
      createdAt,
      startedAt: null,
      endedAt: null,
      outcome: null,
      settled: false,
      force: false,
      news: 0,
      newsTaken: 0,
      giveUpAt: null,
      retried: 0,
      avoid: [],
      lost: {},
      phaseAt: null,
      progressAt: null,
    };
    this.ctx.storage.transactionSync(() => this.#store.create(record, spec));
  }

  /** One commit: the change, and the alarm that sees to the telling. Then tells. */
  #change<T>(work: (record: SessionRecord) => T): T {
    const result = this.ctx.storage.transactionSync(() => {
      const record = this.#store.record()!;
      const before = JSON.stringify(record);
      const value = work(record);
      if (JSON.stringify(record) !== before) this.#store.putRecord(record);
      return value;
    });
    this.#waiters.check();
    this.#arm();
    this.ctx.waitUntil(this.#telling.tell());
    return result;
  }

  /** One alarm for all: what was not taken, when to give up waiting, and when a limit strikes. */
  #arm(): void {
    const record = this.#store.record();
    const due = [this.#telling.dueAt(), record?.giveUpAt ?? null, record ? limitAt(record) : null].filter(
      (at) => at !== null,
    );
    if (due.length > 0) this.#alarm.ringBy(Math.min(...due));
  }

  /** The grace is over: who is not connected is not waited for; its reservation stays until it confirms. */
  async #giveUp(): Promise<void> {
    const waitedFor = this.#store
      .parts()
      .filter(({ reached, absent }) => reached !== RANK_OF.removed && absent === 0);
    const links = await Promise.all(
      waitedFor.map(async ({ node }) => {
        // One that cannot be asked is asked again: an alarm that throws is tried six times, and then never more.
        const { connected } = await nodeOf(this.env, node)
          .link()
          .catch(() => ({ connected: true }));
        return { node, connected };
      }),
    );
    this.#change((record) => {
      if (record.giveUpAt === null) return;
      for (const { node, connected } of links) if (!connected) this.#store.setAbsent(node);
      record.giveUpAt = Date.now() + ASK_AGAIN_MS;
      settle(this.#store, record);
    });
  }
}
