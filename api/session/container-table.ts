/** The containers of a Session's last plan, as its nodes reported them. */
import type { SessionKeys } from "../../shared/protocol/assignment.ts";
import type { Identity } from "../../shared/protocol/protocol.ts";
import type { ContainerStatus } from "../../shared/session/lifecycle.ts";

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

export const CONTAINERS_SCHEMA = `
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
  CREATE INDEX IF NOT EXISTS states ON containers (status, rank);`;

/** `before` undefined: a new plan has placed it. */
export interface ContainerChange {
  before?: ContainerRow;
  after: ContainerRow;
}

export class ContainerTable {
  readonly #sql: SqlStorage;
  #changes: ContainerChange[] = [];

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  /** Replaces those of the plan before. */
  begin(containers: readonly { rank: number; host: string; nodeId: string }[]): void {
    const placed = containers.map(({ rank, host, nodeId }) => ({ rank, host, nodeId }));
    this.#sql.exec("DELETE FROM containers");
    this.#sql.exec(
      `INSERT INTO containers (rank, host, node)
       SELECT value ->> 'rank', value ->> 'host', value ->> 'nodeId' FROM json_each(?)`,
      JSON.stringify(placed),
    );
    this.#changes.push(...this.all().map((after) => ({ after })));
  }

  all(): ContainerRow[] {
    return this.#sql.exec<ContainerRow>("SELECT * FROM containers ORDER BY rank").toArray();
  }

  first(): ContainerRow | undefined {
    return this.#sql.exec<ContainerRow>("SELECT * FROM containers WHERE rank = 0").toArray()[0];
  }

  on(node: string): ContainerRow[] {
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

  put(row: ContainerRow, before: ContainerRow): void {
    this.#changes.push({ before, after: row });
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

  /** What changed since the last call, in order. */
  takeChanges(): ContainerChange[] {
    const changes = this.#changes;
    this.#changes = [];
    return changes;
  }

  /** Marks containers that are not removed as lost: the session no longer waits for them. */
  loseRest(reason: string): void {
    const rest = this.#sql.exec<ContainerRow>(
      "SELECT * FROM containers WHERE status <> 'removed' ORDER BY rank",
    );
    for (const row of rest.toArray()) this.put({ ...row, status: "lost", reason }, row);
  }

  /** Whether each container's keys are here. */
  allIdentified(): boolean {
    return this.#sql.exec("SELECT 1 FROM containers WHERE keys IS NULL LIMIT 1").toArray().length === 0;
  }

  /** SessionKeys (shared/protocol/assignment.ts) as JSON text; it is the same for every node. */
  keys(): string {
    const rows = this.#sql.exec<{ keys: string }>("SELECT keys FROM containers ORDER BY rank").toArray();
    return `[${rows.map(({ keys }) => keys).join(",")}]`;
  }
}

/** As `keys` has it. */
export function keysText({ user, hostKey, userKey }: Identity): string {
  const entry: SessionKeys[number] = [user, hostKey, userKey];
  return JSON.stringify(entry);
}
