/** The addresses of the fleet's nodes, from the API's numbered changes. In memory only: a restarted agent gets the whole list. */
import type { Nodes } from "../../shared/protocol/protocol.ts";
import { type AddressSet, addressSet, difference, union } from "./address-set.ts";

export class NodeAddresses {
  #number = 0;
  #addresses: AddressSet = [];

  /** Number of the last change that was applied. 0 asks for the whole list. */
  get number(): number {
    return this.#number;
  }

  get addresses(): AddressSet {
    return this.#addresses;
  }

  /** False when an earlier change is missing. The addresses then stay until the whole list arrives. */
  apply({ since, number, added, removed }: Pick<Nodes, "since" | "number" | "added" | "removed">): boolean {
    if (since !== 0 && since !== this.#number) {
      this.#number = 0;
      return false;
    }
    const before = since === 0 ? [] : difference(this.#addresses, addressSet(removed));
    this.#addresses = union(before, addressSet(added));
    this.#number = number;
    return true;
  }
}
