/**
 * Addresses of the fleet's nodes, as numbered changes. Every node that has work blocks its containers from all nodes' addresses. Sending
 * the whole list at each join would cost O(nodes²) bytes. So a node receives differences: the joins and leaves since the last change it
 * knows.
 */
import { addressRanges } from "../../shared/network/address-ranges.ts";
import type { NodeChanges } from "../platform/messages.ts";

/** Changes that the log keeps. A node that knows only older ones receives the whole list. */
const KEPT = 10_000;

export class NodeChangeLog {
  readonly #storage: DurableObjectStorage;
  /** The whole list, as last read. */
  #whole: NodeChanges | undefined;

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
  }

  /** Number of the last join or leave; 0: none yet. */
  get number(): number {
    return this.#storage.kv.get<number>("nodesChange") ?? 0;
  }

  /** Call in the transaction in which a node has joined with these addresses. */
  joined(addresses: readonly string[]): void {
    this.#add(addresses, true);
  }

  /** Call in the transaction in which a node has left. An address that another node also has stays. */
  left(addresses: readonly string[]): void {
    const kept = new Set(this.#addresses());
    this.#add(
      addresses.filter((address) => !kept.has(address)),
      false,
    );
  }

  /** Changes after `since`: O(changes), or O(nodes) if the log does not reach back so far. */
  since(since: number): NodeChanges {
    const { number } = this;
    if (since > number || since === 0 || since < number - KEPT) return this.#all();
    const rows = this.#storage.sql
      .exec<{ address: string; added: number }>(
        "SELECT address, added FROM node_changes WHERE number > ? ORDER BY number",
        since,
      )
      .toArray();
    // The last change of an address counts.
    const last = new Map(rows.map(({ address, added }) => [address, added === 1]));
    const those = (wanted: boolean) =>
      [...last].flatMap(([address, added]) => (added === wanted ? [address] : []));
    return { since, number, added: addressRanges(those(true)), removed: addressRanges(those(false)) };
  }

  #all(): NodeChanges {
    const { number } = this;
    if (this.#whole?.number !== number)
      this.#whole = { since: 0, number, added: addressRanges(this.#addresses()), removed: [] };
    return this.#whole;
  }

  #add(addresses: readonly string[], added: boolean): void {
    const { sql, kv } = this.#storage;
    const number = this.number + 1;
    kv.put("nodesChange", number);
    sql.exec(
      "INSERT OR REPLACE INTO node_changes (number, address, added) SELECT ?, value, ? FROM json_each(?)",
      number,
      added ? 1 : 0,
      JSON.stringify(addresses),
    );
    sql.exec("DELETE FROM node_changes WHERE number <= ?", number - KEPT);
  }

  /**
   * As the nodes said when they joined. Later addresses count for the node alone, so that a stolen key cannot block an address for the
   * whole fleet.
   */
  #addresses(): string[] {
    return this.#storage.sql
      .exec<{ value: string }>("SELECT DISTINCT value FROM nodes, json_each(nodes.join_addresses)")
      .toArray()
      .map(({ value }) => value);
  }
}
