/** A Session's storage: its record, its nodes' parts, its containers, and the documents `spec` and `plan`. */

import type { Plan } from "../../shared/plan/plan.ts";
import type { Layout, Part, SessionKeys } from "../../shared/protocol/assignment.ts";
import { assignmentsOf } from "../../shared/protocol/assignments.ts";
import type { Identity } from "../../shared/protocol/protocol.ts";
import type { SessionSpec } from "../../shared/request/spec.ts";
import { type ContainerStatus, PHASES, type Phase } from "../../shared/session/lifecycle.ts";
import type { SessionRecord } from "../../shared/session/session-record.ts";
import { MAIL_SCHEMA } from "../mailbox/mailbox.ts";
import { DOCUMENTS, getDocument, putDocument } from "../platform/documents.ts";
import type { Start } from "../platform/messages.ts";

/** Phases as numbers, so that "further" is "greater"; 0 is none. */
export const RANK_OF: Record<Phase | "none", number> = {
  none: 0,
  prepared: 1,
  started: 2,
  running: 3,
  removed: 4,
};

export function phaseOf(rank: number): Phase {
  return PHASES[rank - 1]!;
}

/** One node's part of one epoch. `wanted` and `reached` are ranks of phases. */
export interface PartRow extends Record<string, SqlStorageValue> {
  epoch: number;
  node: string;
  name: string;
  wanted: number;
  reached: number;
  /** 1: a removal does not wait for it, because the node is disconnected, too slow, or has left the fleet. */
  absent: number;
}

export interface ContainerRow extends Record<string, SqlStorageValue> {
  rank: number;
  host: string;
  node: string;
  status: ContainerStatus;
  container_id: string | null;
  exit_code: number | null;
  output: string | null;
  reason: string | null;
  /** JSON of an entry of SessionKeys: user, host key, user key. */
  keys: string | null;
}

/** The stored assignments of the last plan. Parts by node id. */
const ASSIGNMENTS = "assignments";

interface Written {
  epoch: number;
  layout: Layout;
  parts: Record<string, Part>;
}

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS parts (
    epoch INTEGER NOT NULL,
    node TEXT NOT NULL,
    name TEXT NOT NULL,
    wanted INTEGER NOT NULL,
    reached INTEGER NOT NULL DEFAULT 0,
    absent INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (epoch, node)
  );
  -- Only of the last plan.
  CREATE TABLE IF NOT EXISTS containers (
    rank INTEGER PRIMARY KEY,
    host TEXT NOT NULL UNIQUE,
    node TEXT NOT NULL,
    status TEXT NOT NULL DEFAULT 'pending',
    container_id TEXT,
    exit_code INTEGER,
    output TEXT,
    reason TEXT,
    keys TEXT
  );
  CREATE INDEX IF NOT EXISTS placed ON containers (node, rank);
  CREATE INDEX IF NOT EXISTS states ON containers (status, rank);
  ${MAIL_SCHEMA}
  ${DOCUMENTS}`;

export class SessionStore {
  readonly #storage: DurableObjectStorage;
  readonly #sql: SqlStorage;
  #spec: SessionSpec | undefined;
  #plan: { epoch: number; plan: Plan } | undefined;
  #written: Written | undefined;
  readonly #asked = new Set<string>();
  /** A container changed. */
  #changed = false;

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
    this.#sql = storage.sql;
  }

  /** Undefined if the session was never created. */
  record(): SessionRecord | undefined {
    return this.#storage.kv.get<SessionRecord>("session");
  }

  putRecord(record: SessionRecord): void {
    this.#storage.kv.put("session", record);
  }

  create(record: SessionRecord, spec: SessionSpec): void {
    this.#sql.exec(SCHEMA);
    putDocument(this.#sql, "spec", spec);
    this.putRecord(record);
  }

  spec(): SessionSpec {
    this.#spec ??= getDocument<SessionSpec>(this.#sql, "spec")!;
    return this.#spec;
  }

  /** The plan of an epoch; undefined before the first. */
  plan(epoch: number): Plan | undefined {
    if (this.#plan?.epoch !== epoch) {
      const plan = getDocument<Plan>(this.#sql, `plan/${epoch}`);
      this.#plan = plan && { epoch, plan };
    }
    return this.#plan?.plan;
  }

  /**
   * Stores a new epoch: its plan, parts, containers and assignments. Assignments are stored once and sent as stored, so that another
   * release or other settings cannot change them. O(nodes + containers) statements.
   */
  begin(record: SessionRecord, { epoch, plan, nodesChange }: Start): void {
    putDocument(this.#sql, `plan/${epoch}`, plan);
    this.#storage.kv.put("nodesChange", nodesChange);
    const { layout, parts } = assignmentsOf(this.spec(), plan, record);
    this.#written = { epoch, layout, parts: Object.fromEntries(parts) };
    putDocument(this.#sql, ASSIGNMENTS, this.#written);
    for (const { id } of plan.nodes) this.#asked.add(id);
    const nodes = JSON.stringify(plan.nodes);
    this.#sql.exec(
      `INSERT INTO parts (epoch, node, name, wanted)
       SELECT ?, value ->> 'id', value ->> 'name', ? FROM json_each(?)`,
      epoch,
      RANK_OF.prepared,
      nodes,
    );
    const placed = plan.containers.map(({ rank, host, nodeId }) => ({ rank, host, nodeId }));
    this.#sql.exec("DELETE FROM containers");
    this.#sql.exec(
      `INSERT INTO containers (rank, host, node)
       SELECT value ->> 'rank', value ->> 'host', value ->> 'nodeId' FROM json_each(?)`,
      JSON.stringify(placed),
    );
  }

  parts(): PartRow[] {
    return this.#sql.exec<PartRow>("SELECT * FROM parts ORDER BY epoch, node").toArray();
  }

  /** A node's part in the latest plan that has one for it. */
  partOf(node: string): PartRow | undefined {
    return this.#sql
      .exec<PartRow>("SELECT * FROM parts WHERE node = ? ORDER BY epoch DESC LIMIT 1", node)
      .toArray()[0];
  }

  /** The layout, which all nodes of the last plan get, as JSON text. */
  layout(): string {
    return JSON.stringify(this.#assignments().layout);
  }

  /** One node's part of the last plan, as JSON text. */
  part(node: string): string {
    return JSON.stringify(this.#assignments().parts[node]);
  }

  #assignments(): Written {
    this.#written ??= getDocument<Written>(this.#sql, ASSIGNMENTS)!;
    return this.#written;
  }

  /** Number of the last join or leave that nodes must know before they start on this plan. */
  nodesChange(): number {
    return this.#storage.kv.get<number>("nodesChange") ?? 0;
  }

  /** Sets the wanted phase of all parts of an epoch, except of parts with a later one. */
  want(epoch: number, rank: number): void {
    const asked = this.#sql.exec<{ node: string }>(
      "UPDATE parts SET wanted = ?1 WHERE epoch = ?2 AND wanted < ?1 RETURNING node",
      rank,
      epoch,
    );
    for (const { node } of asked) this.#asked.add(node);
  }

  /** Nodes whose wanted phase changed since the last call: the Session has to send it. */
  takeAsked(): string[] {
    const asked = [...this.#asked];
    this.#asked.clear();
    return asked;
  }

  reached(epoch: number, node: string, rank: number): void {
    this.#sql.exec(
      "UPDATE parts SET reached = MAX(reached, ?) WHERE epoch = ? AND node = ?",
      rank,
      epoch,
      node,
    );
    // A node that works on an epoch has removed its parts of earlier ones.
    this.#sql.exec("UPDATE parts SET reached = ? WHERE epoch < ? AND node = ?", RANK_OF.removed, epoch, node);
  }

  setAbsent(node: string): void {
    this.#sql.exec("UPDATE parts SET absent = 1 WHERE node = ? AND reached < ?", node, RANK_OF.removed);
  }

  /** Each node's latest part, if it has not reached its wanted phase. */
  askedParts(): PartRow[] {
    return this.#sql
      .exec<PartRow>(
        `SELECT * FROM parts WHERE reached < wanted
         AND NOT EXISTS (SELECT 1 FROM parts later WHERE later.node = parts.node AND later.epoch > parts.epoch)`,
      )
      .toArray();
  }

  /** Parts of the epoch that have not reached the phase they were asked for. */
  behind(epoch: number): PartRow[] {
    return this.#sql
      .exec<PartRow>("SELECT * FROM parts WHERE epoch = ? AND reached < wanted ORDER BY name", epoch)
      .toArray();
  }

  /** Whether all parts of the epoch have reached this phase. */
  allReached(epoch: number, rank: number): boolean {
    return this.#none("SELECT 1 FROM parts WHERE epoch = ? AND reached < ? LIMIT 1", epoch, rank);
  }

  /** Whether the session waits for no part of any epoch: each is removed or given up. */
  allRemoved(): boolean {
    return this.#none("SELECT 1 FROM parts WHERE reached < ? AND absent = 0 LIMIT 1", RANK_OF.removed);
  }

  allIdentified(): boolean {
    return this.#none("SELECT 1 FROM containers WHERE keys IS NULL LIMIT 1");
  }

  containersOn(node: string): ContainerRow[] {
    return this.#sql
      .exec<ContainerRow>("SELECT * FROM containers WHERE node = ? ORDER BY rank", node)
      .toArray();
  }

  /** Containers that ended or are gone. */
  stopped(): ContainerRow[] {
    return this.#sql
      .exec<ContainerRow>("SELECT * FROM containers WHERE status IN ('exited', 'lost') ORDER BY rank")
      .toArray();
  }

  nameOf(node: string): string {
    return this.partOf(node)!.name;
  }

  containers(): ContainerRow[] {
    return this.#sql.exec<ContainerRow>("SELECT * FROM containers ORDER BY rank").toArray();
  }

  /** Whether a container changed since the last call. */
  takeChanged(): boolean {
    const changed = this.#changed;
    this.#changed = false;
    return changed;
  }

  putContainer(row: ContainerRow): void {
    this.#changed = true;
    this.#sql.exec(
      `UPDATE containers SET status = ?, container_id = ?, exit_code = ?, output = ?, reason = ?, keys = ?
       WHERE rank = ?`,
      row.status,
      row.container_id,
      row.exit_code,
      row.output,
      row.reason,
      row.keys,
      row.rank,
    );
  }

  /** Marks containers that are not removed as lost: the session no longer waits for them. */
  loseRest(reason: string): void {
    this.#sql.exec("UPDATE containers SET status = 'lost', reason = ? WHERE status <> 'removed'", reason);
  }

  /** SessionKeys (shared/protocol/assignment.ts) as JSON text; it is the same for every node. */
  keys(): string {
    const rows = this.#sql.exec<{ keys: string }>("SELECT keys FROM containers ORDER BY rank").toArray();
    return `[${rows.map(({ keys }) => keys).join(",")}]`;
  }

  /** Deletes everything of the session. */
  async forget(): Promise<void> {
    this.#spec = undefined;
    this.#plan = undefined;
    this.#written = undefined;
    this.#asked.clear();
    await this.#storage.deleteAlarm();
    await this.#storage.deleteAll();
  }

  #none(query: string, ...bindings: (string | number)[]): boolean {
    return this.#sql.exec(query, ...bindings).toArray().length === 0;
  }
}

/** As `keys` has it. */
export function keysText({ user, hostKey, userKey }: Identity): string {
  const entry: SessionKeys[number] = [user, hostKey, userKey];
  return JSON.stringify(entry);
}
