/**
 * The Fleet object: which nodes there are, what is reserved on them, names, keys, the queue, the index. One per
 * installation. Every change is one synchronous transaction that also writes down what others have to be told.
 */
import { DurableObject } from "cloudflare:workers";
import { SkeinError } from "../../shared/errors.ts";
import type { SessionStatus } from "../../shared/lifecycle.ts";
import type { Plan } from "../../shared/plan.ts";
import type { AgentJoin, NodeView } from "../../shared/schemas.ts";
import type { SessionSpec } from "../../shared/spec.ts";
import { DOCUMENTS } from "../documents.ts";
import { newId } from "../ids.ts";
import {
  type Answer,
  answer,
  type KeyRotation,
  type NodeIdentity,
  type NodeNews,
  type SessionNews,
} from "../messages.ts";
import { nodeOf, sessionOf } from "../objects.ts";
import { addJoinToken, type IdempotencyKey, rememberKey, sessionOfKey, spendJoinToken } from "./keys.ts";
import {
  addNode,
  findNode,
  joinAddresses,
  listNodes,
  nodeView,
  noteNode,
  patchNode,
  rotateKey,
} from "./nodes.ts";
import { Outbox, type Outgoing } from "./outbox.ts";
import { admit, dryRun, noteSession, planWaiting, releaseNode, sessionsOn } from "./queue.ts";
import { FLEET_SCHEMA } from "./schema.ts";

/** A slice of a list, newest first; `next` is what to ask for as `before` to get the following one. */
export interface Slice<T> {
  items: T[];
  next: number | null;
}

export interface SliceRequest {
  before: number;
  limit: number;
}

export class Fleet extends DurableObject<Cloudflare.Env> {
  readonly #sql: SqlStorage;
  readonly #outbox: Outbox;

  constructor(ctx: DurableObjectState, env: Cloudflare.Env) {
    super(ctx, env);
    this.#sql = ctx.storage.sql;
    this.#sql.exec(FLEET_SCHEMA + DOCUMENTS);
    this.#outbox = new Outbox(ctx.storage, (target, outgoing) => this.#send(target, outgoing));
  }

  /** Admits a session, or finds the one that the key made. Its id; the Session object exists when this answers. */
  async createSession(spec: SessionSpec, key?: IdempotencyKey): Promise<Answer<string>> {
    const now = Date.now();
    const admitted = answer(() =>
      this.#change(() => {
        const known = key && sessionOfKey(this.#sql, key, now);
        if (known !== undefined) return known;
        const id = admit(this.#sql, this.#outbox, spec, now);
        if (key) rememberKey(this.#sql, key, id, now);
        return id;
      }),
    );
    if (!admitted.refused) await this.#outbox.deliver(admitted.value);
    return admitted;
  }

  /** Plans and changes nothing. */
  dryRun(spec: SessionSpec): Answer<Plan> {
    return answer(() => dryRun(this.#sql, spec));
  }

  /** The live session of that name, else the latest; undefined where there never was one. */
  findSession(name: string): string | undefined {
    return this.#sql
      .exec<{ id: string }>(
        "SELECT id FROM sessions WHERE name = ? ORDER BY live DESC, seq DESC LIMIT 1",
        name,
      )
      .toArray()[0]?.id;
  }

  /** Ids. */
  listSessions({ before, limit }: SliceRequest, status?: SessionStatus): Slice<string> {
    const rows = this.#sql
      .exec<{ seq: number; id: string }>(
        `SELECT seq, id FROM sessions WHERE seq < ? ${status ? "AND status = ?" : ""} ORDER BY seq DESC LIMIT ?`,
        ...(status ? [before, status, limit + 1] : [before, limit + 1]),
      )
      .toArray();
    return sliceOf(rows, limit, ({ id }) => id);
  }

  /** Keeps the hash only. When it expires, ms since 1970. */
  addJoinToken(hash: string): number {
    return this.#change(() => addJoinToken(this.#sql, hash, Date.now()));
  }

  /** A node joins. The token is spent only where all of it works. */
  join(tokenHash: string, join: AgentJoin): Answer<{ nodeId: string; fleet: string }> {
    return answer(() =>
      this.#change(() => {
        spendJoinToken(this.#sql, tokenHash, Date.now());
        this.#countChange();
        return { nodeId: addNode(this.#sql, join), fleet: this.#id() };
      }),
    );
  }

  /** What a Node object must know; undefined where the fleet does not know the node. */
  identityOf(node: string): NodeIdentity | undefined {
    const row = this.#sql
      .exec<{ public_key: string }>("SELECT public_key FROM nodes WHERE id = ?", node)
      .toArray()[0];
    return row && { fleet: this.#id(), publicKey: row.public_key };
  }

  /** Undefined where that is known: nobody joined or left since `known`. */
  nodeAddresses(known?: number): { version: number; addresses: string[] } | undefined {
    const version = this.#changes();
    return version === known ? undefined : { version, addresses: joinAddresses(this.#sql) };
  }

  listNodes({ before, limit }: SliceRequest): Slice<NodeView> {
    return sliceOf(listNodes(this.#sql, before, limit + 1), limit, ({ view }) => view);
  }

  /** By id or name. */
  getNode(idOrName: string): Answer<NodeView> {
    return answer(() => nodeView(this.#sql, findNode(this.#sql, idOrName)));
  }

  patchNode(
    idOrName: string,
    patch: { schedulable?: boolean; labels?: Record<string, string> },
  ): Answer<NodeView> {
    return answer(() =>
      this.#change(() => {
        const { id } = findNode(this.#sql, idOrName);
        patchNode(this.#sql, id, patch);
        planWaiting(this.#sql, this.#outbox);
        return nodeView(this.#sql, findNode(this.#sql, id));
      }),
    );
  }

  /** Forgets a node. By force also one that has work: its sessions are told, and fail. */
  removeNode(idOrName: string, force: boolean): Answer<null> {
    return answer(() =>
      this.#change(() => {
        const { id, name } = findNode(this.#sql, idOrName);
        const busy = sessionsOn(this.#sql, id);
        if (busy.length > 0 && !force) {
          const many = busy.length === 1 ? "a session" : `${busy.length} sessions`;
          throw new SkeinError(
            "node_busy",
            `${name} holds ${many} (${busy.slice(0, 3).join(", ")}): end them first, or add ?force=true`,
          );
        }
        for (const session of releaseNode(this.#sql, id)) {
          this.#outbox.add(session, { to: "session", message: { kind: "nodeGone", node: id, name } });
        }
        this.#sql.exec("DELETE FROM nodes WHERE id = ?", id);
        this.#countChange();
        this.#outbox.add(id, { to: "node" });
        planWaiting(this.#sql, this.#outbox);
        return null;
      }),
    );
  }

  /** From a Node; false where the fleet does not know it. */
  nodeNews(news: NodeNews): boolean {
    return this.#change(() => {
      const before = noteNode(this.#sql, news);
      if (!before) return false;
      if (news.status === "ready") planWaiting(this.#sql, this.#outbox);
      if (news.status === "lost" && before.status !== "lost" && before.news <= news.number) {
        const seconds = Math.round((Date.now() - news.seenAt) / 1000);
        const { id: node, name } = before;
        for (const session of sessionsOn(this.#sql, node)) {
          this.#outbox.add(session, { to: "session", message: { kind: "nodeLost", node, name, seconds } });
        }
      }
      return true;
    });
  }

  /** From a Node; false where its agent's link is void by now. */
  rotateKey(rotation: KeyRotation): boolean {
    return this.#change(() => rotateKey(this.#sql, rotation));
  }

  /** From a Session. */
  sessionNews(news: SessionNews): void {
    this.#change(() => {
      if (noteSession(this.#sql, this.#outbox, news)) planWaiting(this.#sql, this.#outbox);
    });
  }

  override async alarm(): Promise<void> {
    await this.#outbox.retry();
  }

  /** One commit: the change, what is to be told of it, and the alarm that sees to the telling. */
  #change<T>(work: () => T): T {
    const result = this.ctx.storage.transactionSync(work);
    this.#outbox.schedule();
    this.ctx.waitUntil(this.#outbox.deliverAll());
    return result;
  }

  /** How often a node has joined or left. */
  #changes(): number {
    return this.ctx.storage.kv.get<number>("changes") ?? 0;
  }

  #countChange(): void {
    this.ctx.storage.kv.put("changes", this.#changes() + 1);
  }

  /** Made at first use. */
  #id(): string {
    const known = this.ctx.storage.kv.get<string>("fleet");
    if (known) return known;
    const id = newId("flt");
    this.ctx.storage.kv.put("fleet", id);
    return id;
  }

  async #send(target: string, outgoing: Outgoing): Promise<void> {
    if (outgoing.to === "node") await nodeOf(this.env, target).forget();
    else await sessionOf(this.env, target).take(outgoing.message);
  }
}

function sliceOf<R extends { seq: number }, T>(rows: R[], limit: number, item: (row: R) => T): Slice<T> {
  const page = rows.slice(0, limit);
  return { items: page.map(item), next: rows.length > limit ? page.at(-1)!.seq : null };
}
