/**
 * The Fleet object: which nodes there are, what is reserved on them, names, keys, the queue, the index. One per
 * installation. Every change is one synchronous transaction that also writes down what others have to be told.
 */
import { DurableObject } from "cloudflare:workers";
import type { AuditEntry, TokenView } from "../../shared/access/access-schemas.ts";
import type { AgentJoin, NodeView } from "../../shared/node/node-schemas.ts";
import type { Plan } from "../../shared/plan/plan.ts";
import type { SessionSpec } from "../../shared/request/spec.ts";
import type { SessionStatus } from "../../shared/session/lifecycle.ts";
import { ASK_AGAIN_AFTER } from "../http/unavailable.ts";
import { Alarm } from "../platform/alarm.ts";
import { DOCUMENTS } from "../platform/documents.ts";
import { newId } from "../platform/ids.ts";
import {
  type Answer,
  answer,
  type By,
  type KeyRotation,
  type Lookup,
  type NodeAddresses,
  type NodeIdentity,
  type NodeNews,
  type Refusal,
  type Refused,
  type SessionNews,
} from "../platform/messages.ts";
import { limiterOf, nodeOf, sessionOf } from "../platform/objects.ts";
import { listAudit, noteChange, noteRefusals } from "./audit-log.ts";
import { forgetNode, loseNode } from "./leaving.ts";
import { Addresses } from "./node-addresses.ts";
import { addNode, findNode, listNodes, nodeView, noteNode, patchNode, rotateKey } from "./node-table.ts";
import {
  addJoinToken,
  type IdempotencyKey,
  rememberKey,
  sessionOfKey,
  spendJoinToken,
} from "./one-time-keys.ts";
import { Outbox, type Outgoing } from "./outbox.ts";
import { FLEET_SCHEMA } from "./schema.ts";
import { findSession, listSessions } from "./session-index.ts";
import { type Slice, type SliceRequest, sliceOf } from "./slice.ts";
import { addToken, listTokens, type NewToken, revokeToken } from "./token-list.ts";
import {
  admit,
  dryRun,
  fleetChanged,
  noteSession,
  planWaiting,
  roomFreed,
  waitingReasons,
} from "./waiting-queue.ts";

export class Fleet extends DurableObject<Cloudflare.Env> {
  readonly #sql: SqlStorage;
  readonly #alarm: Alarm;
  readonly #outbox: Outbox;
  readonly #addresses: Addresses;
  /** The queue's last round would get further. */
  #unfinished = false;

  constructor(ctx: DurableObjectState, env: Cloudflare.Env) {
    super(ctx, env);
    this.#sql = ctx.storage.sql;
    this.#sql.exec(FLEET_SCHEMA + DOCUMENTS);
    this.#alarm = new Alarm(ctx.storage);
    this.#outbox = new Outbox(ctx.storage, this.#alarm, (target, outgoing) => this.#send(target, outgoing));
    this.#addresses = new Addresses(ctx.storage, this.#alarm, async (node, addresses) =>
      nodeOf(env, node).hearAddresses(addresses),
    );
  }

  /** Admits a session, or finds the one that the key made. Its id; the Session object exists when this answers. */
  async createSession(
    by: By & { project: string },
    spec: SessionSpec,
    key?: IdempotencyKey,
  ): Promise<Answer<string>> {
    const { project } = by;
    const now = Date.now();
    const admitted = answer(() =>
      this.#change(() => {
        const known = key && sessionOfKey(this.#sql, project, key, now);
        if (known !== undefined) return known;
        const id = admit(this.#sql, this.#outbox, project, spec, now);
        if (key) rememberKey(this.#sql, project, key, id, now);
        noteChange(this.#sql, by, "createSession", id);
        this.#planWaiting();
        return id;
      }),
    );
    if (admitted.refused) return admitted;
    try {
      await this.#outbox.deliver(admitted.value);
      return admitted;
    } catch (error) {
      console.error(`${admitted.value}: could not be made, will be tried again:`, error);
      return { refused: belated(admitted.value) };
    }
  }

  /** What they wait for and their place in the queue, by id; without those that do not wait. */
  waitingReasons(ids: string[]): Record<string, string> {
    return waitingReasons(this.#sql, ids);
  }

  /** Plans and changes nothing. */
  dryRun(spec: SessionSpec): Answer<Plan> {
    return answer(() => dryRun(this.#sql, spec));
  }

  /** Its id, by id or name. */
  findSession(project: string, idOrName: string): Lookup<string> {
    const lookup = findSession(this.#sql, project, idOrName);
    return lookup.found ? { found: lookup.found.id } : lookup;
  }

  /** Writes down that its end is asked for, before the Session is told. Its id. */
  noteEnd(by: By & { project: string }, idOrName: string): Lookup<string> {
    const lookup = findSession(this.#sql, by.project, idOrName);
    if (!lookup.found) return lookup;
    const { id, live } = lookup.found;
    if (live) this.#change(() => noteChange(this.#sql, by, "endSession", id));
    return { found: id };
  }

  /** Ids. */
  listSessions(project: string, { before, limit }: SliceRequest, status?: SessionStatus): Slice<string> {
    return sliceOf(listSessions(this.#sql, project, status, before, limit + 1), limit, ({ id }) => id);
  }

  /** Keeps the hash only. When it expires, ms since 1970. */
  addJoinToken(by: By, hash: string): number {
    return this.#change(() => {
      noteChange(this.#sql, by, "createJoinToken", null);
      return addJoinToken(this.#sql, hash, Date.now());
    });
  }

  /** A node joins. The token is spent only where all of it works. */
  join(tokenHash: string, join: AgentJoin): Answer<{ nodeId: string; fleet: string }> {
    return answer(() =>
      this.#change(() => {
        spendJoinToken(this.#sql, tokenHash, Date.now());
        this.#addresses.changed();
        const nodeId = addNode(this.#sql, join);
        noteChange(this.#sql, byNode(join.name), "joinAgent", nodeId);
        return { nodeId, fleet: this.#id() };
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

  /** For a Node whose link has just come up: of what changes later it hears. */
  addressesFor(node: string): NodeAddresses {
    return this.#addresses.tellOne(node);
  }

  listNodes({ before, limit }: SliceRequest): Slice<NodeView> {
    return sliceOf(listNodes(this.#sql, before, limit + 1), limit, ({ view }) => view);
  }

  /** By id or name. */
  getNode(idOrName: string): Answer<NodeView> {
    return answer(() => nodeView(this.#sql, findNode(this.#sql, idOrName)));
  }

  patchNode(
    by: By,
    idOrName: string,
    patch: { schedulable?: boolean; labels?: Record<string, string> },
  ): Answer<NodeView> {
    return answer(() =>
      this.#change(() => {
        const { id } = findNode(this.#sql, idOrName);
        patchNode(this.#sql, id, patch);
        noteChange(this.#sql, by, "patchNode", id);
        fleetChanged(this.#sql);
        this.#planWaiting();
        return nodeView(this.#sql, findNode(this.#sql, id));
      }),
    );
  }

  /** Forgets a node. By force also one that has work: its sessions are told, and fail. */
  removeNode(by: By, idOrName: string, force: boolean): Answer<null> {
    return answer(() =>
      this.#change(() => {
        const id = forgetNode(this.#sql, this.#outbox, idOrName, force);
        this.#addresses.changed();
        noteChange(this.#sql, by, "removeNode", id);
        fleetChanged(this.#sql);
        this.#planWaiting();
        return null;
      }),
    );
  }

  /** Before it is signed: none is at large that is not in the list. */
  addToken(by: By, token: NewToken): void {
    this.#change(() => {
      if (addToken(this.#sql, token)) noteChange(this.#sql, by, "createToken", token.id);
    });
  }

  listTokens({ before, limit }: SliceRequest): Slice<TokenView> {
    return sliceOf(listTokens(this.#sql, before, limit + 1), limit, ({ view }) => view);
  }

  /** Once this answers, the token opens nothing any more. */
  async revokeToken(by: By, id: string): Promise<Answer<null>> {
    const revoked = answer(() =>
      this.#change(() => {
        if (revokeToken(this.#sql, this.#outbox, id, Date.now()))
          noteChange(this.#sql, by, "revokeToken", id);
        return null;
      }),
    );
    if (!revoked.refused) await this.#outbox.deliver(id);
    return revoked;
  }

  listAudit({ before, limit }: SliceRequest): Slice<AuditEntry> {
    return sliceOf(listAudit(this.#sql, before, limit + 1), limit, ({ entry }) => entry);
  }

  /** From the Refusals object; what came already is not taken again. */
  takeRefusals(life: string, refusals: Refusal[]): void {
    const { kv } = this.ctx.storage;
    const taken = kv.get<{ life: string; number: number }>("refusals");
    const fresh = refusals.filter(({ number }) => taken?.life !== life || number > taken.number);
    const number = fresh.at(-1)?.number;
    if (number === undefined) return;
    this.ctx.storage.transactionSync(() => {
      noteRefusals(this.#sql, fresh);
      kv.put("refusals", { life, number });
    });
  }

  /** From a Node; false where the fleet does not know it. */
  nodeNews(news: NodeNews): boolean {
    return this.#change(() => {
      const before = noteNode(this.#sql, news);
      if (!before) return false;
      if (before.status !== news.status || news.said) {
        fleetChanged(this.#sql);
        this.#planWaiting();
      }
      if (news.status === "lost" && before.status !== "lost" && before.news <= news.number) {
        loseNode(this.#sql, this.#outbox, before.name, news);
      }
      return true;
    });
  }

  /** From a Node; false where its agent's link is void by now. */
  rotateKey(rotation: KeyRotation): boolean {
    return this.#change(() => {
      const { isKey, replacedOf } = rotateKey(this.#sql, rotation);
      if (replacedOf !== undefined) noteChange(this.#sql, byNode(replacedOf), "rotateKey", rotation.id);
      return isKey;
    });
  }

  /** From a Session. */
  sessionNews(news: SessionNews): void {
    this.#change(() => {
      if (!noteSession(this.#sql, this.#outbox, news, Date.now())) return;
      roomFreed(this.#sql);
      this.#planWaiting();
    });
  }

  override async alarm(): Promise<void> {
    this.#alarm.rang();
    this.#change(() => this.#planWaiting());
    await Promise.all([this.#outbox.deliverAll(), this.#addresses.tellMore()]);
  }

  /** A part of the queue at a time, so that the object answers in between; what is left is the alarm's. */
  #planWaiting(): void {
    this.#unfinished = planWaiting(this.#sql, this.#outbox, Date.now());
  }

  /** One commit: the change, what is to be told of it, and the alarm that sees to the telling. */
  #change<T>(work: () => T): T {
    const result = this.ctx.storage.transactionSync(work);
    if (this.#unfinished) this.#alarm.ringBy(Date.now());
    this.#outbox.schedule();
    this.#addresses.schedule();
    this.ctx.waitUntil(this.#outbox.deliverAll());
    return result;
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
    else if (outgoing.to === "limiter") await limiterOf(this.env, target).revoke();
    else await sessionOf(this.env, target).take(outgoing.message);
  }
}

/** It is admitted: that cannot be taken back where its Session may know of it already. */
function belated(id: string): Refused {
  const detail = `the API could not write down more of ${id} just now than that it is accepted: it goes on by itself as soon as it can. Look at /v1/sessions/${id} rather than ask for another; the same Idempotency-Key finds it too`;
  return { code: "unavailable", detail, extra: { retryAfter: ASK_AGAIN_AFTER } };
}

function byNode(name: string): By {
  return { actor: `node:${name}`, project: null };
}
