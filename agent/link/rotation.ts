/** Replaces the node's key over a link that the old one has proven: once, where that is wanted; what an earlier agent began is ended. */
import { type Rotate, rotateProof } from "../../shared/protocol/protocol.ts";
import type { Log } from "../log.ts";
import type { Joined } from "../node/identity.ts";
import type { NodeKeys } from "../node/node-keys.ts";

export interface RotationOptions {
  keys: NodeKeys;
  joined: Pick<Joined, "fleet" | "node">;
  /** Replace the key, however old it is. */
  wanted: boolean;
  log: Log;
}

export class Rotation {
  readonly #options: RotationOptions;
  #due: boolean;
  /** By this agent: what one before it began does not count. */
  #begun = false;

  constructor(options: RotationOptions) {
    this.#options = options;
    this.#due = options.wanted;
  }

  /** The API refused the node's key. True where dialling again with another is worth it. */
  refused(): boolean {
    return this.#options.keys.refused();
  }

  /** The link is up; `nonce` is its own. */
  welcomed(nonce: string, say: (message: Rotate) => void): void {
    const { keys, joined, log } = this.#options;
    try {
      if (keys.accepted()) this.#done(keys.publicKey, !this.#begun);
      if (!this.#due) return;
      const { publicKey, sign } = keys.begin();
      this.#begun = true;
      say({ type: "rotate", publicKey, signature: sign(rotateProof(joined.fleet, joined.node, nonce)) });
    } catch (error) {
      log.error({ reason: (error as Error).message }, "the node's key could not be replaced: it stays");
    }
  }

  /** The API has the new key for good. */
  rotated(publicKey: string): void {
    if (this.#options.keys.replaced(publicKey)) this.#done(publicKey, false);
  }

  #done(publicKey: string, due: boolean): void {
    this.#due &&= due;
    this.#options.log.info({ public_key: publicKey }, "the node's key was replaced: the one before is void");
  }
}
