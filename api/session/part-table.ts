/** The nodes' parts in each epoch of a Session: which phase each is asked for, and which it has reached. */
import { PHASES, type Phase } from "../../shared/session/lifecycle.ts";

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
  /** So many of the users' keys may log in to its containers. */
  ssh_keys: number;
}

export const PARTS_SCHEMA = `
  CREATE TABLE IF NOT EXISTS parts (
    epoch INTEGER NOT NULL,
    node TEXT NOT NULL,
    name TEXT NOT NULL,
    wanted INTEGER NOT NULL,
    reached INTEGER NOT NULL DEFAULT 0,
    absent INTEGER NOT NULL DEFAULT 0,
    ssh_keys INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (epoch, node)
  );`;

export class PartTable {
  readonly #sql: SqlStorage;
  readonly #asked = new Set<string>();

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  /** Adds the parts of a new epoch: all are asked to be prepared. */
  begin(epoch: number, nodes: readonly { id: string; name: string }[]): void {
    for (const { id } of nodes) this.#asked.add(id);
    this.#sql.exec(
      `INSERT INTO parts (epoch, node, name, wanted)
       SELECT ?, value ->> 'id', value ->> 'name', ? FROM json_each(?)`,
      epoch,
      RANK_OF.prepared,
      JSON.stringify(nodes),
    );
  }

  all(): PartRow[] {
    return this.#sql.exec<PartRow>("SELECT * FROM parts ORDER BY epoch, node").toArray();
  }

  /** A node's part in the latest plan that has one for it. */
  of(node: string): PartRow | undefined {
    return this.#sql
      .exec<PartRow>("SELECT * FROM parts WHERE node = ? ORDER BY epoch DESC LIMIT 1", node)
      .toArray()[0];
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

  /** Users' keys were added: all parts of this epoch are to be told, except removed ones. */
  wantSshKeys(epoch: number): void {
    const some = this.#sql.exec<{ node: string }>(
      "SELECT node FROM parts WHERE epoch = ? AND wanted < ?",
      epoch,
      RANK_OF.removed,
    );
    for (const { node } of some.toArray()) this.#asked.add(node);
  }

  /** So many of the users' keys may log in on that node. */
  tookSshKeys(epoch: number, node: string, count: number): void {
    this.#sql.exec(
      "UPDATE parts SET ssh_keys = MAX(ssh_keys, ?) WHERE epoch = ? AND node = ?",
      count,
      epoch,
      node,
    );
  }

  /** Parts of the epoch whose containers are made, and do not take all of so many users' keys yet. */
  lackingSshKeys(epoch: number, count: number): PartRow[] {
    return this.#sql
      .exec<PartRow>(
        "SELECT * FROM parts WHERE epoch = ? AND reached BETWEEN ? AND ? AND ssh_keys < ? ORDER BY name",
        epoch,
        RANK_OF.prepared,
        RANK_OF.running,
        count,
      )
      .toArray();
  }

  /** Nodes that have something to be told since the last call: a wanted phase, or users' keys. */
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

  /** Each node's latest part, if it has not reached its wanted phase, or lacks some of so many users' keys. */
  asked(sshKeys: number): PartRow[] {
    return this.#sql
      .exec<PartRow>(
        `SELECT * FROM parts WHERE (reached < wanted OR (wanted < ? AND ssh_keys < ?))
         AND NOT EXISTS (SELECT 1 FROM parts later WHERE later.node = parts.node AND later.epoch > parts.epoch)`,
        RANK_OF.removed,
        sshKeys,
      )
      .toArray();
  }

  /** Parts of the epoch that have not reached the phase they were asked for. */
  behind(epoch: number): PartRow[] {
    return this.#sql
      .exec<PartRow>("SELECT * FROM parts WHERE epoch = ? AND reached < wanted ORDER BY name", epoch)
      .toArray();
  }

  /** Parts of any epoch that a removal waits for: neither removed nor given up. */
  waitedFor(): PartRow[] {
    return this.#sql
      .exec<PartRow>(
        "SELECT * FROM parts WHERE reached < ? AND absent = 0 ORDER BY epoch, node",
        RANK_OF.removed,
      )
      .toArray();
  }

  /** Whether a removal waits for no part of any epoch. */
  allRemoved(): boolean {
    return this.#none("SELECT 1 FROM parts WHERE reached < ? AND absent = 0 LIMIT 1", RANK_OF.removed);
  }

  /** Whether all parts of the epoch have reached this phase. */
  allReached(epoch: number, rank: number): boolean {
    return this.#none("SELECT 1 FROM parts WHERE epoch = ? AND reached < ? LIMIT 1", epoch, rank);
  }

  /** Forgets what it has in memory. */
  clear(): void {
    this.#asked.clear();
  }

  #none(query: string, ...bindings: (string | number)[]): boolean {
    return this.#sql.exec(query, ...bindings).toArray().length === 0;
  }
}
