/**
 * The Fleet object: nodes, reservations, names, keys, the queue, the index of sessions. One per installation. Every change is one
 * synchronous transaction, which also stores the letters to other objects.
 */
import { DurableObject } from "cloudflare:workers";
import type { AuditEntry, TokenView } from "../../shared/access/access-schemas.ts";
import { SkeinError } from "../../shared/errors/errors.ts";
import { spaceOf } from "../../shared/network/address-space.ts";
import type { AgentJoin, NodeView } from "../../shared/node/node-schemas.ts";
import type { Plan } from "../../shared/plan/plan.ts";
import { plannedSpec } from "../../shared/plan/planned-spec.ts";
import { plan } from "../../shared/plan/planner.ts";
import { refuseUnlessAllowed } from "../../shared/request/allowed.ts";
import type { RegistryView } from "../../shared/request/registry.ts";
import type { SessionSpec } from "../../shared/request/spec.ts";
import type { SessionStatus } from "../../shared/session/lifecycle.ts";
import type { SessionView } from "../../shared/session/session-schemas.ts";
import { type Letter, Mailbox, takeNew } from "../mailbox/mailbox.ts";
import { Alarm } from "../platform/alarm.ts";
import { newId } from "../platform/ids.ts";
import { SETTINGS } from "../platform/installation-settings.ts";
import type {
  By,
  Connect,
  Connected,
  FromFleet,
  KeyRotation,
  Lookup,
  NodeChanges,
  NodeIdentity,
  Refusal,
  Said,
  SessionNews,
  StoredRegistry,
  WayIn,
} from "../platform/messages.ts";
import { linkNumberOf } from "../platform/objects.ts";
import { type Slice, type SliceRequest, sliceOf } from "../platform/slice.ts";
import { listAudit, noteChange, noteRefusals, noteWayIn } from "./audit-log.ts";
import { carryFromFleet, limiterTarget, sessionTarget } from "./fleet-mail.ts";
import { FleetSnapshot } from "./fleet-snapshot.ts";
import { forgetNode } from "./leaving.ts";
import { NodeChangeLog } from "./node-changes.ts";
import * as nodes from "./node-table.ts";
import {
  addJoinToken,
  type IdempotencyKey,
  rememberKey,
  sessionOfKey,
  spendJoinToken,
} from "./one-time-keys.ts";
import { QueueRunner } from "./queue-runner.ts";
import { RecentWays } from "./recent-ways.ts";
import { listRegistries, putRegistry, registriesFor, registryView, removeRegistry } from "./registries.ts";
import { busyNodes, holds, sessionsOn } from "./reservations.ts";
import { FLEET_SCHEMA } from "./schema.ts";
import { findSession, listSessions, sessionRow } from "./session-index.ts";
import { takeNews } from "./session-news.ts";
import { addToken, listTokens, type NewToken, revokeToken } from "./token-list.ts";
import { Upkeep } from "./upkeep.ts";
import * as queue from "./waiting-queue.ts";

export class Fleet extends DurableObject<Cloudflare.Env> {
  readonly #sql: SqlStorage;
  readonly #alarm: Alarm;
  readonly #mailbox: Mailbox<FromFleet>;
  readonly #snapshot: FleetSnapshot;
  readonly #changes: NodeChangeLog;
  readonly #queue: QueueRunner;
  readonly #upkeep: Upkeep;
  readonly #ways = new RecentWays();

  constructor(ctx: DurableObjectState, env: Cloudflare.Env) {
    super(ctx, env);
    this.#sql = ctx.storage.sql;
    this.#sql.exec(FLEET_SCHEMA);
    this.#alarm = new Alarm(ctx.storage);
    this.#changes = new NodeChangeLog(ctx.storage);
    this.#snapshot = new FleetSnapshot(this.#sql, () => spaceOf(SETTINGS, this.#id()));
    const about = {
      busyNodes: (link: number) => busyNodes(this.#sql).filter((node) => linkNumberOf(node) === link),
      nodesChange: () => this.#changes.number,
    };
    this.#mailbox = new Mailbox(ctx.storage, this.#alarm, (target, letters) =>
      carryFromFleet(env, about, target, letters),
    );
    this.#queue = new QueueRunner(ctx.storage, this.#mailbox, this.#snapshot, this.#changes);
    this.#upkeep = new Upkeep(ctx.storage, this.#mailbox, this.#alarm, this.#changes);
  }

  // Sessions

  /**
   * Admits a session, or finds the one made with the same key. Returns its id; the Session object exists by then.
   * @throws SkeinError as {@link queue.admit}, `idempotency_conflict`; `unavailable` if it is admitted but its Session object could not be
   * reached yet.
   */
  async createSession(
    by: By & { project: string },
    spec: SessionSpec,
    key?: IdempotencyKey,
  ): Promise<string> {
    const { project } = by;
    const now = Date.now();
    const id = this.#change(() => {
      const known = key && sessionOfKey(this.#sql, project, key, now);
      if (known !== undefined) return known;
      const made = queue.admit(this.#sql, this.#mailbox, project, spec, now);
      if (key) rememberKey(this.#sql, project, key, made, now);
      noteChange(this.#sql, by, "createSession", made);
      this.#queue.lookAtNew();
      return made;
    });
    try {
      await this.#mailbox.deliver(sessionTarget(id));
    } catch {
      throw new SkeinError(
        "unavailable",
        `${id} is accepted, but the API could not store all of it yet: it goes on by itself as soon as it can. See /v1/sessions/${id} rather than create another; the same Idempotency-Key finds it too`,
        { retryAfter: 5 },
      );
    }
    return id;
  }

  /** Reason and place in the queue of those sessions that wait, by id. */
  waitingReasons(ids: string[]): Record<string, string> {
    return queue.waitingReasons(this.#sql, ids);
  }

  /** Plans without changing anything. @throws SkeinError `not_allowed`, `unschedulable` with a reason for each node. */
  dryRun(spec: SessionSpec): Plan {
    refuseUnlessAllowed(spec.reach, () => nodes.allowances(this.#sql));
    const { plan: planned, refusal } = plan(plannedSpec(spec), this.#snapshot.take());
    if (refusal) throw new SkeinError("unschedulable", refusal.reason, { nodes: refusal.nodes() });
    return planned;
  }

  /** The session's id, looked up by id or name. */
  findSession(project: string, idOrName: string): Lookup<string> {
    const lookup = findSession(this.#sql, project, idOrName);
    return lookup.found ? { found: lookup.found.id } : lookup;
  }

  /** Records the request to end it before Fleet sends it to the Session. Returns the session's id. */
  noteRequest(
    by: By & { project: string },
    action: "startSession" | "endSession",
    idOrName: string,
  ): Lookup<string> {
    const lookup = findSession(this.#sql, by.project, idOrName);
    if (!lookup.found) return lookup;
    const { id, live } = lookup.found;
    if (live) this.#change(() => noteChange(this.#sql, by, action, id));
    return { found: id };
  }

  /** Notes that keys are added to a session, which checks them itself. */
  noteSshKeys(by: By, session: string): void {
    this.ctx.storage.transactionSync(() => noteChange(this.#sql, by, "addSshKeys", session));
  }

  /** Answers from the index, without a call to any Session. */
  listSessions(
    project: string,
    { before, limit }: SliceRequest,
    statuses?: readonly SessionStatus[],
  ): Slice<SessionView> {
    const rows = listSessions(this.#sql, project, statuses, before, limit + 1);
    const slice = sliceOf(rows, limit, ({ view }) => view);
    const pending = slice.items.filter((view) => view.status === "pending").map(({ id }) => id);
    const reasons = pending.length === 0 ? {} : this.waitingReasons(pending);
    return {
      ...slice,
      items: slice.items.map((view) => ({ ...view, reason: reasons[view.id] ?? view.reason })),
    };
  }

  /** A Session reports its state. */
  sessionNews(sender: string, letters: Letter<SessionNews>[]): void {
    this.#change(() => {
      const now = Date.now();
      for (const { body } of takeNew(this.#sql, sender, letters)) {
        const effect = takeNews(this.#sql, this.#mailbox, body, now);
        if (!effect) continue;
        this.#snapshot.freed(effect.freed);
        this.#snapshot.networksChanged();
        this.#queue.lookSoon();
        if (effect.ended) this.#upkeep.armRetention(now);
      }
    });
  }

  // Nodes

  /** Stores the token's hash only. Returns when it expires, ms since 1970. */
  addJoinToken(by: By, hash: string): number {
    return this.#change(() => {
      noteChange(this.#sql, by, "createJoinToken", null);
      return addJoinToken(this.#sql, hash, Date.now());
    });
  }

  /** A node joins. A join that fails does not use up the token. @throws SkeinError `join_token_invalid`, `name_in_use`. */
  join(tokenHash: string, join: AgentJoin): { nodeId: string; fleet: string } {
    return this.#change(() => {
      spendJoinToken(this.#sql, tokenHash, Date.now());
      const nodeId = nodes.addNode(this.#sql, join);
      this.#changes.joined([join.address, ...join.facts.addresses]);
      this.#nodesChanged([nodeId]);
      noteChange(this.#sql, byNode(join.name), "joinAgent", nodeId);
      return { nodeId, fleet: this.#id() };
    });
  }

  /** What a Link must know of a node that dials; undefined if the node is not in the fleet. */
  identityOf(node: string): NodeIdentity | undefined {
    const publicKey = nodes.publicKeyOf(this.#sql, node);
    return publicKey === undefined ? undefined : { fleet: this.#id(), publicKey };
  }

  /** The same for an agent that opens a tunnel; undefined also if there is no such session. */
  tunnelIdentity(node: string, session: string): NodeIdentity | undefined {
    return sessionRow(this.#sql, session) && this.identityOf(node);
  }

  /** An agent has proven its node's key. O(1) if its hello changes nothing. */
  nodeConnected(connect: Connect): Connected | "unknown" | "replaced" {
    const { node, said } = connect;
    return this.#change(() => {
      const before = nodes.nodeRow(this.#sql, node);
      if (!before) return "unknown";
      const connection = nodes.connectNode(this.#sql, connect);
      if (connection === undefined) return "replaced";
      if (nodes.noteSaid(this.#sql, node, said) || before.status !== "ready") this.#nodesChanged([node]);
      return {
        connection,
        sessions: sessionsOn(this.#sql, node),
        nodesChange: this.#changes.number,
        redialMs: this.#upkeep.redialMs,
      };
    });
  }

  /** A node reports changed facts. */
  nodeSaid(node: string, connection: number, said: Said): void {
    this.#change(() => {
      if (nodes.nodeRow(this.#sql, node)?.connection !== connection) return;
      if (nodes.noteSaid(this.#sql, node, said)) this.#nodesChanged([node]);
    });
  }

  /** This connection of a node has ended. */
  disconnected(node: string, connection: number): void {
    const now = Date.now();
    this.#change(() => {
      if (nodes.disconnectNode(this.#sql, node, connection, now)) this.#nodesChanged([node]);
    });
  }

  /** False if the node has a newer connection or another key by now. */
  rotateKey(rotation: KeyRotation): boolean {
    return this.#change(() => {
      const { isKey, replacedOf } = nodes.rotateKey(this.#sql, rotation);
      if (replacedOf !== undefined) noteChange(this.#sql, byNode(replacedOf), "rotateKey", rotation.node);
      return isKey;
    });
  }

  /** Whether the session holds something on the node. */
  holds(node: string, session: string): boolean {
    return holds(this.#sql, node, session);
  }

  /** The first of these nodes that no session holds anything on. */
  idleAmong(nodes: readonly string[]): string | undefined {
    return nodes.find((node) => sessionsOn(this.#sql, node).length === 0);
  }

  /** Which of these nodes have a link that is up. */
  connectedOf(ids: readonly string[]): string[] {
    return ids.filter((id) => nodes.nodeRow(this.#sql, id)?.status === "ready");
  }

  /** Joins and leaves after that change. */
  nodeChanges(since: number): NodeChanges {
    return this.#changes.since(since);
  }

  listNodes({ before, limit }: SliceRequest): Slice<NodeView> {
    return sliceOf(nodes.listNodes(this.#sql, before, limit + 1), limit, ({ view }) => view);
  }

  /** By id or name. @throws SkeinError `not_found`. */
  getNode(idOrName: string): NodeView {
    return nodes.nodeView(this.#sql, nodes.findNode(this.#sql, idOrName));
  }

  /** @throws SkeinError `not_found`. */
  patchNode(
    by: By,
    idOrName: string,
    patch: { schedulable?: boolean; labels?: Record<string, string> },
  ): NodeView {
    return this.#change(() => {
      const { id } = nodes.findNode(this.#sql, idOrName);
      nodes.patchNode(this.#sql, id, patch);
      noteChange(this.#sql, by, "patchNode", id);
      this.#nodesChanged([id]);
      return this.getNode(id);
    });
  }

  /** Forgets a node. With force also a node that has work: its sessions fail. @throws SkeinError `not_found`, `node_busy`. */
  removeNode(by: By, idOrName: string, force: boolean): void {
    this.#change(() => {
      const { id, join_addresses } = forgetNode(this.#sql, this.#mailbox, idOrName, force);
      this.#changes.left(JSON.parse(join_addresses) as string[]);
      noteChange(this.#sql, by, "removeNode", id);
      this.#snapshot.networksChanged();
      this.#nodesChanged([id]);
    });
  }

  // Tokens and the audit log

  /** Called before the token is signed: so every token in use is in the list. */
  addToken(by: By, token: NewToken): void {
    this.#change(() => {
      if (addToken(this.#sql, token)) noteChange(this.#sql, by, "createToken", token.id);
    });
  }

  listTokens({ before, limit }: SliceRequest): Slice<TokenView> {
    const isTold = (id: string) => !this.#mailbox.isWaiting(limiterTarget(id));
    return sliceOf(listTokens(this.#sql, isTold, before, limit + 1), limit, ({ view }) => view);
  }

  /** Once this answers, the API accepts the token no longer. @throws SkeinError `not_found`. */
  async revokeToken(by: By, id: string): Promise<void> {
    this.#change(() => {
      if (!revokeToken(this.#sql, id, Date.now())) return;
      this.#mailbox.post(limiterTarget(id), { kind: "revoke" });
      noteChange(this.#sql, by, "revokeToken", id);
    });
    await this.#mailbox.deliver(limiterTarget(id));
  }

  // Registries

  /** Stores a project's credentials for a registry; the password comes sealed. */
  setRegistry(by: By & { project: string }, registry: Required<StoredRegistry>): RegistryView {
    const { project } = by;
    const { host } = registry;
    return this.#change(() => {
      putRegistry(this.#sql, project, registry, Date.now());
      noteChange(this.#sql, by, "setRegistry", host);
      return registryView(this.#sql, project, host);
    });
  }

  /** @throws SkeinError `not_found`. */
  getRegistry(project: string, host: string): RegistryView {
    return registryView(this.#sql, project, host);
  }

  listRegistries(project: string, { before, limit }: SliceRequest): Slice<RegistryView> {
    return sliceOf(listRegistries(this.#sql, project, before, limit + 1), limit, ({ view }) => view);
  }

  /** @throws SkeinError `not_found`. */
  removeRegistry(by: By & { project: string }, host: string): void {
    this.#change(() => {
      removeRegistry(this.#sql, by.project, host);
      noteChange(this.#sql, by, "removeRegistry", host);
    });
  }

  /** For a Session: those of these hosts for which any project has credentials. */
  registriesFor(project: string, hosts: readonly string[]): StoredRegistry[] {
    return registriesFor(this.#sql, project, hosts);
  }

  listAudit({ before, limit }: SliceRequest): Slice<AuditEntry> {
    return sliceOf(listAudit(this.#sql, before, limit + 1), limit, ({ entry }) => entry);
  }

  /** A way into a container is about to open. */
  noteWayIn(by: By, action: WayIn, target: string): void {
    if (!this.#ways.isNew(by, action, target, Date.now())) return;
    this.ctx.storage.transactionSync(() => noteWayIn(this.#sql, by, action, target));
  }

  /** From the Refusals object. */
  takeRefusals(letters: Letter<Refusal[]>[]): void {
    this.ctx.storage.transactionSync(() => {
      for (const { body } of takeNew(this.#sql, "refusals", letters)) noteRefusals(this.#sql, body);
    });
  }

  // Alarms

  override async alarm(): Promise<void> {
    this.#alarm.rang();
    try {
      const markDown = await this.#upkeep.sweep(this.env);
      this.#change(() => {
        const gone = [...markDown(), ...this.#upkeep.onTime(Date.now())];
        if (gone.length > 0) this.#nodesChanged(gone);
        else this.#queue.lookSoon();
      });
      await this.#mailbox.deliverAll();
    } finally {
      this.#arm();
      this.#upkeep.armRetention(Date.now());
    }
  }

  /** Call in the transaction that changes these nodes: the queue's evaluations may be out of date. */
  #nodesChanged(ids: readonly string[]): void {
    this.#snapshot.reshaped(ids);
    this.#queue.lookSoon();
  }

  /** One commit: the change, its letters, and the alarm that delivers them. */
  #change<T>(work: () => T): T {
    const result = this.ctx.storage.transactionSync(() => this.#snapshot.during(work));
    this.#arm();
    this.ctx.waitUntil(this.#mailbox.deliverAll());
    return result;
  }

  /** One alarm for everything that is due at some time. */
  #arm(): void {
    this.#mailbox.schedule();
    this.#upkeep.arm(Date.now());
    if (this.#queue.due !== undefined) this.#alarm.ringBy(this.#queue.due);
  }

  /** Loaded at first use. */
  #id(): string {
    const known = this.ctx.storage.kv.get<string>("fleet");
    if (known) return known;
    const id = newId("flt");
    this.ctx.storage.kv.put("fleet", id);
    return id;
  }
}

function byNode(name: string): By {
  return { actor: `node:${name}`, project: null };
}
