/** A Session's state: one record, its nodes, its containers, and the documents `spec` and `plan`. */

import type { Plan } from "../../shared/plan/plan.ts";
import type { Identity } from "../../shared/protocol/protocol.ts";
import type { SessionSpec } from "../../shared/request/spec.ts";
import {
  type ContainerStatus,
  PHASES,
  type Phase,
  type SessionStatus,
} from "../../shared/session/lifecycle.ts";
import { DOCUMENTS, getDocument, putDocument } from "../platform/documents.ts";

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

/** Times are RFC 3339, or null. */
export interface SessionRecord {
  id: string;
  project: string;
  name: string;
  status: SessionStatus;
  reason: string | null;
  epoch: number;
  createdAt: string;
  startedAt: string | null;
  endedAt: string | null;
  /** What comes when all nodes have removed their part. */
  outcome: "terminated" | "failed" | "replan" | null;
  /** The nodes are done with: Fleet is told the outcome, and only then it is the status. */
  settled: boolean;
  /** Nodes kill at once instead of SIGTERM and 10 s. */
  force: boolean;
  /** Counts what Fleet is to be told, and what it has taken. */
  news: number;
  newsTaken: number;
  /** Nodes that are lost while the session carries on without them, and the reason to show. */
  lost: Record<string, string>;
  /** How many of the request's retries are used, and the nodes at fault. */
  retried: number;
  avoid: string[];
  /** When what the session now waits for began, and when a node last said that it goes on; ms since 1970. */
  phaseAt: number | null;
  progressAt: number | null;
  /** When nodes whose link is down are no longer waited for; ms since 1970. */
  giveUpAt: number | null;
}

const FIRST: Pick<SessionRecord, "retried" | "avoid" | "lost" | "phaseAt" | "progressAt"> = {
  retried: 0,
  avoid: [],
  lost: {},
  phaseAt: null,
  progressAt: null,
};

/** One node's part of one epoch. `wanted`, `told`, `reached` are ranks of phases. */
export interface PartRow extends Record<string, SqlStorageValue> {
  epoch: number;
  node: string;
  name: string;
  wanted: number;
  told: number;
  reached: number;
  /** 1: given up, because its link was down or it left the fleet. */
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
  /** JSON of an Identity. */
  identity: string | null;
}

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS parts (
    epoch INTEGER NOT NULL,
    node TEXT NOT NULL,
    name TEXT NOT NULL,
    wanted INTEGER NOT NULL,
    told INTEGER NOT NULL DEFAULT 0,
    reached INTEGER NOT NULL DEFAULT 0,
    absent INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (epoch, node)
  );
  -- Of the current epoch.
  CREATE TABLE IF NOT EXISTS containers (
    rank INTEGER PRIMARY KEY,
    host TEXT NOT NULL UNIQUE,
    node TEXT NOT NULL,
    status TEXT NOT NULL DEFAULT 'pending',
    container_id TEXT,
    exit_code INTEGER,
    output TEXT,
    reason TEXT,
    identity TEXT
  );
  CREATE INDEX IF NOT EXISTS placed ON containers (node, rank);
  CREATE INDEX IF NOT EXISTS states ON containers (status, rank);
  ${DOCUMENTS}`;

export class SessionStore {
  readonly #storage: DurableObjectStorage;
  readonly #sql: SqlStorage;
  #spec: SessionSpec | undefined;
  #plan: { epoch: number; plan: Plan } | undefined;

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
    this.#sql = storage.sql;
  }

  /** Undefined where the session was never created. */
  record(): SessionRecord | undefined {
    const record = this.#storage.kv.get<SessionRecord>("session");
    // Records from before a field existed have its first value.
    return record && { ...FIRST, ...record };
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

  /** The plan of the current epoch; undefined before the first. */
  plan(epoch: number): Plan | undefined {
    if (this.#plan?.epoch !== epoch) {
      const plan = getDocument<Plan>(this.#sql, `plan/${epoch}`);
      this.#plan = plan && { epoch, plan };
    }
    return this.#plan?.plan;
  }

  /** A new epoch: its plan, its parts, its containers. */
  begin(epoch: number, plan: Plan): void {
    putDocument(this.#sql, `plan/${epoch}`, plan);
    const nodes = JSON.stringify(plan.nodes);
    this.#sql.exec(
      `INSERT INTO parts (epoch, node, name, wanted)
       SELECT ?, value ->> 'id', value ->> 'name', ? FROM json_each(?)`,
      epoch,
      RANK_OF.prepared,
      nodes,
    );
    const seats = plan.containers.map(({ rank, host, nodeId }) => ({ rank, host, nodeId }));
    this.#sql.exec("DELETE FROM containers");
    this.#sql.exec(
      `INSERT INTO containers (rank, host, node)
       SELECT value ->> 'rank', value ->> 'host', value ->> 'nodeId' FROM json_each(?)`,
      JSON.stringify(seats),
    );
  }

  parts(): PartRow[] {
    return this.#sql.exec<PartRow>("SELECT * FROM parts ORDER BY epoch, node").toArray();
  }

  /** A node's part in the latest epoch that it has one in. */
  partOf(node: string): PartRow | undefined {
    return this.#sql
      .exec<PartRow>("SELECT * FROM parts WHERE node = ? ORDER BY epoch DESC LIMIT 1", node)
      .toArray()[0];
  }

  /** Asks a phase of all parts of an epoch that are not asked for more. */
  want(epoch: number, rank: number): void {
    this.#sql.exec("UPDATE parts SET wanted = ?1 WHERE epoch = ?2 AND wanted < ?1", rank, epoch);
  }

  told(parts: { epoch: number; node: string; wanted: number }[]): void {
    for (const { epoch, node, wanted } of parts) {
      this.#sql.exec(
        "UPDATE parts SET told = MAX(told, ?) WHERE epoch = ? AND node = ?",
        wanted,
        epoch,
        node,
      );
    }
  }

  reached(epoch: number, node: string, rank: number): void {
    this.#sql.exec(
      "UPDATE parts SET reached = MAX(reached, ?) WHERE epoch = ? AND node = ?",
      rank,
      epoch,
      node,
    );
    // Whoever works on an epoch has removed what it had of the earlier ones.
    this.#sql.exec("UPDATE parts SET reached = ? WHERE epoch < ? AND node = ?", RANK_OF.removed, epoch, node);
  }

  setAbsent(node: string): void {
    this.#sql.exec("UPDATE parts SET absent = 1 WHERE node = ? AND reached < ?", node, RANK_OF.removed);
  }

  /** Parts of the epoch that have not reached what they are asked. */
  behind(epoch: number): PartRow[] {
    return this.#sql
      .exec<PartRow>("SELECT * FROM parts WHERE epoch = ? AND reached < wanted ORDER BY name", epoch)
      .toArray();
  }

  /** Parts that do not know yet what they are asked. */
  untold(): PartRow[] {
    return this.#sql
      .exec<PartRow>("SELECT * FROM parts WHERE told < wanted AND reached < wanted ORDER BY epoch, node")
      .toArray();
  }

  /** Have all parts of the epoch reached this? */
  allReached(epoch: number, rank: number): boolean {
    return this.#none("SELECT 1 FROM parts WHERE epoch = ? AND reached < ? LIMIT 1", epoch, rank);
  }

  /** Is nobody waited for any more? */
  allRemoved(): boolean {
    return this.#none("SELECT 1 FROM parts WHERE reached < ? AND absent = 0 LIMIT 1", RANK_OF.removed);
  }

  allIdentified(): boolean {
    return this.#none("SELECT 1 FROM containers WHERE identity IS NULL LIMIT 1");
  }

  containersOn(node: string): ContainerRow[] {
    return this.#sql
      .exec<ContainerRow>("SELECT * FROM containers WHERE node = ? ORDER BY rank", node)
      .toArray();
  }

  /** Containers that are not what they should be: ended, or gone. */
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

  putContainer(row: ContainerRow): void {
    this.#sql.exec(
      `UPDATE containers SET status = ?, container_id = ?, exit_code = ?, output = ?, reason = ?, identity = ?
       WHERE rank = ?`,
      row.status,
      row.container_id,
      row.exit_code,
      row.output,
      row.reason,
      row.identity,
      row.rank,
    );
  }

  /** All containers' in rank order, as JSON text; it is the same for every node. */
  identities(): string {
    const rows = this.#sql
      .exec<{ identity: string }>("SELECT identity FROM containers ORDER BY rank")
      .toArray();
    return `[${rows.map(({ identity }) => identity).join(",")}]`;
  }

  #none(query: string, ...bindings: (string | number)[]): boolean {
    return this.#sql.exec(query, ...bindings).toArray().length === 0;
  }
}

export function identityText({ host, user, hostKey, userKey }: Identity): string {
  return JSON.stringify({ host, user, hostKey, userKey });
}
