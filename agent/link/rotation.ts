/** Replaces the node's key once, over a link that the old key opened. Also completes a replacement that an earlier run began. */
import { type Rotate, rotateProof } from "../../shared/protocol/protocol.ts";
import type { Log } from "../log.ts";
import type { Joined } from "../node/identity.ts";
import type { NodeKeys } from "../node/node-keys.ts";

export interface RotationOptions {
  keys: NodeKeys;
  joined: Pick<Joined, "fleet" | "node">;
  /** Whether to replace the key. */
  wanted: boolean;
  log: Log;
}

export class Rotation {
  readonly #options: RotationOptions;
  #due: boolean;
  /** Whether this run of the agent began the replacement. */
  #begun = false;

  constructor(options: RotationOptions) {
    this.#options = options;
    this.#due = options.wanted;
  }

  /** The API refused the node's key. True when there is another key to dial with. */
  refused(): boolean {
    return this.#options.keys.refused();
  }

  /** The link is up. `nonce` belongs to this connection. */
  welcomed(nonce: string, say: (message: Rotate) => void): void {
    const { keys, joined, log } = this.#options;
    try {
      if (keys.accepted()) this.#done(keys.publicKey, !this.#begun);
      if (!this.#due) return;
      const { publicKey, sign } = keys.begin();
      this.#begun = true;
      say({ type: "rotate", publicKey, signature: sign(rotateProof(joined.fleet, joined.node, nonce)) });
    } catch (error) {
      log.error(
        { reason: (error as Error).message },
        "the node's key could not be replaced; the old key stays",
      );
    }
  }

  /** The API has stored the new key. */
  rotated(publicKey: string): void {
    if (this.#options.keys.replaced(publicKey)) this.#done(publicKey, false);
  }

  #done(publicKey: string, due: boolean): void {
    this.#due &&= due;
    this.#options.log.info({ public_key: publicKey }, "the node's key was replaced; the old key is void");
  }
}
