/**
 * Ends open streams when their token is revoked or expires. A request is checked once, at its start, but a stream may last for days. Each
 * object that serves streams has one of these.
 */
import { limiterOf } from "../platform/objects.ts";

/** The token that a stream was opened with. */
export interface HeldToken {
  /** The token's id. */
  actor: string;
  /** ms since 1970; null for the installation's own token, which neither expires nor can be revoked. */
  expiresAt: number | null;
}

/** How long one question to a Limiter may wait for its answer. */
const ASK_SECONDS = 60;
const RETRY_MS = 1000;

export class TokenWatch {
  readonly #env: Cloudflare.Env;
  /** By token: what to call for each of its streams. There is one question under way for each token. */
  readonly #streams = new Map<string, Set<{ over: () => void }>>();

  constructor(env: Cloudflare.Env) {
    this.#env = env;
  }

  /** Calls `over` once the token is revoked or has expired. Returns how to stop the watch. */
  watch({ actor, expiresAt }: HeldToken, over: () => void): () => void {
    if (expiresAt === null) return () => {};
    const stream = { over };
    const known = this.#streams.get(actor);
    const streams = known ?? new Set();
    streams.add(stream);
    if (!known) {
      this.#streams.set(actor, streams);
      void this.#follow(actor, expiresAt, streams);
    }
    return () => void streams.delete(stream);
  }

  async #follow(actor: string, expiresAt: number, streams: Set<{ over: () => void }>): Promise<void> {
    while (streams.size > 0 && !(await this.#isOver(actor, expiresAt)));
    this.#streams.delete(actor);
    for (const { over } of streams) over();
  }

  /** True: the token is void. False: ask again. */
  async #isOver(actor: string, expiresAt: number): Promise<boolean> {
    const seconds = Math.min(ASK_SECONDS, (expiresAt - Date.now()) / 1000);
    if (seconds <= 0) return true;
    try {
      return await limiterOf(this.#env, actor).untilRevoked(seconds);
    } catch {
      // A Limiter that cannot be reached takes no revocation either.
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      return false;
    }
  }
}
