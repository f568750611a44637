/** The frames that tell a node its part: assignments follow from spec and plan, and are stored nowhere. */
import { assignmentsOf } from "../../shared/protocol/assignments.ts";
import type { Assign, Assignment } from "../../shared/protocol/protocol.ts";
import { type PartRow, phaseOf, RANK_OF, type SessionRecord, type SessionStore } from "./session-store.ts";

export class Frames {
  readonly #store: SessionStore;
  #assignments: { epoch: number; of: Map<string, Assignment> } | undefined;

  constructor(store: SessionStore) {
    this.#store = store;
  }

  /**
   * An `assign` message (protocol.ts) as JSON text. `identities` is JSON text too, made once for all nodes: with
   * 1,024 containers it has 300 KB.
   */
  frame(record: SessionRecord, part: PartRow, identities: string): string {
    const phase = phaseOf(part.wanted);
    const head: Assign = { type: "assign", session: record.id, epoch: part.epoch, phase };
    if (phase === "removed") return JSON.stringify({ ...head, force: record.force });
    const text = JSON.stringify({ ...head, assignment: this.#assignment(record, part.node) });
    return part.wanted >= RANK_OF.started ? `${text.slice(0, -1)},"identities":${identities}}` : text;
  }

  #assignment(record: SessionRecord, node: string): Assignment {
    if (this.#assignments?.epoch !== record.epoch) {
      const plan = this.#store.plan(record.epoch)!;
      this.#assignments = { epoch: record.epoch, of: assignmentsOf(this.#store.spec(), plan, record) };
    }
    return this.#assignments.of.get(node)!;
  }
}
