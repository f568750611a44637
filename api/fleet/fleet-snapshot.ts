/**
 * The fleet as the planner sees it, kept parsed in memory. Reading all of it costs O(nodes): tens of milliseconds at 10,000 nodes. So after
 * the first time Fleet reads only what changed.
 */
import type { AddressSpace } from "../../shared/network/address-space.ts";
import type { Facts } from "../../shared/node/node-schemas.ts";
import type { NodeSnapshot, Snapshot } from "../../shared/plan/plan.ts";
import { type NodeRow, nodeOf } from "./node-table.ts";
import { heldOn, heldOnAll, reservedNetworks } from "./reservations.ts";

/** Changes since the queue last looked; undefined: anything may have changed. */
export interface FleetNews {
  /** Nodes as they are now, on which sessions hold less than before. */
  freed: NodeSnapshot[];
  /** Nodes that came, left or changed their settings: each as it was and as it is. */
  reshaped: NodeSnapshot[];
}

export class FleetSnapshot {
  readonly #sql: SqlStorage;
  readonly #space: () => AddressSpace;
  /** Undefined: not read since this object woke. */
  #nodes: Map<string, NodeSnapshot> | undefined;
  #reserved: Snapshot["reserved"] | undefined;
  #taken: Snapshot | undefined;
  /** Nodes to read again. */
  readonly #stale = new Set<string>();
  /** What the transaction under way has changed. */
  readonly #touched = new Set<string>();
  readonly #freed = new Set<string>();
  /** Each node as it was when the queue last looked, by id. */
  readonly #reshaped = new Map<string, NodeSnapshot | undefined>();
  #isAnyNews = false;

  constructor(sql: SqlStorage, space: () => AddressSpace) {
    this.#sql = sql;
    this.#space = space;
  }

  /** Runs a transaction's work. If it throws, the nodes it changed are read again: the cache may hold changes that were rolled back. */
  during<T>(work: () => T): T {
    this.#touched.clear();
    try {
      return work();
    } catch (error) {
      this.#forget(this.#touched);
      this.networksChanged();
      this.#isAnyNews = true;
      throw error;
    }
  }

  /** Nodes came, left or changed their settings. */
  reshaped(nodes: readonly string[]): void {
    for (const node of nodes) {
      if (!this.#reshaped.has(node)) this.#reshaped.set(node, this.#nodes?.get(node));
    }
    this.#forget(nodes);
  }

  /** Sessions hold less on these nodes. */
  freed(nodes: readonly string[]): void {
    for (const node of nodes) this.#freed.add(node);
    this.#forget(nodes);
  }

  /** Sessions hold more on these nodes, which helps no waiting session. */
  filled(nodes: readonly string[]): void {
    this.#forget(nodes);
  }

  /** A session's network was reserved or freed. */
  networksChanged(): void {
    this.#reserved = undefined;
    this.#taken = undefined;
  }

  /** Everything that planning depends on, as it is now. O(changed nodes), plus one list of all nodes. */
  take(): Snapshot {
    this.#reserved ??= reservedNetworks(this.#sql);
    this.#taken ??= { nodes: [...this.#read().values()], reserved: this.#reserved, space: this.#space() };
    return this.#taken;
  }

  /** Something changed before this object woke, and the queue has not looked since. */
  anythingChanged(): void {
    this.#isAnyNews = true;
  }

  get hasNews(): boolean {
    return this.#isAnyNews || this.#freed.size > 0 || this.#reshaped.size > 0;
  }

  /** No session waits, so changes so far can help none. */
  dropNews(): void {
    this.#isAnyNews = false;
    this.#freed.clear();
    this.#reshaped.clear();
  }

  /** Changes since the last call. */
  takeNews(): FleetNews | undefined {
    const nodes = this.#read();
    const now = (ids: Iterable<string>) => [...ids].flatMap((id) => nodes.get(id) ?? []);
    const before = [...this.#reshaped.values()].filter((node) => node !== undefined);
    const news = { freed: now(this.#freed), reshaped: [...before, ...now(this.#reshaped.keys())] };
    const isAny = this.#isAnyNews;
    this.dropNews();
    return isAny ? undefined : news;
  }

  #forget(nodes: Iterable<string>): void {
    for (const node of [...nodes]) {
      this.#stale.add(node);
      this.#touched.add(node);
    }
    this.#taken = undefined;
  }

  #read(): Map<string, NodeSnapshot> {
    if (!this.#nodes) {
      const held = heldOnAll(this.#sql);
      const rows = this.#sql.exec<NodeRow>("SELECT * FROM nodes").toArray();
      this.#nodes = new Map(rows.map((row) => [row.id, snapshotOf(row, held.get(row.id))]));
    } else {
      for (const id of this.#stale) {
        const [row] = this.#sql.exec<NodeRow>("SELECT * FROM nodes WHERE id = ?", id).toArray();
        if (row) this.#nodes.set(id, snapshotOf(row, heldOn(this.#sql, id)));
        else this.#nodes.delete(id);
      }
    }
    this.#stale.clear();
    return this.#nodes;
  }
}

const NOTHING: NodeSnapshot["allocated"] = { cpu: 0, memory: 0, gpuIds: [], containers: 0 };

function snapshotOf(row: NodeRow, allocated = NOTHING): NodeSnapshot {
  const { gpuIds, usedSubnets, usedVnis, mtu, allows, ulimits } = JSON.parse(row.facts) as Facts;
  return {
    ...nodeOf(row),
    allocated,
    gpuIds,
    usedSubnets,
    usedVnis,
    mtu,
    allows,
    ulimits,
  };
}
