/**
 * Which ways into containers are in the audit log already. A browser opens dozens of connections to one forwarded port: the same token at the
 * same port has one entry in ten minutes. In memory: an object that slept notes one more.
 */
import type { By, WayIn } from "../platform/messages.ts";

/** For how long an entry stands for others like it. 0: each has its own. */
const STANDS_MS: Record<WayIn, number> = {
  execContainer: 0,
  forwardPort: 10 * 60_000,
  putFiles: 0,
  getFiles: 0,
  createAppLink: 0,
};
const MOST = 10_000;

export class RecentWays {
  /** When each was noted, ms since 1970, the oldest first. */
  readonly #notedAt = new Map<string, number>();

  /** Whether to note it now. True: it counts as noted from then on. */
  isNew({ actor, project }: By, action: WayIn, target: string, now: number): boolean {
    const stands = STANDS_MS[action];
    if (stands === 0) return true;
    const key = JSON.stringify([actor, project, action, target]);
    const notedAt = this.#notedAt.get(key);
    if (notedAt !== undefined && now - notedAt < stands) return false;
    this.#notedAt.delete(key);
    this.#notedAt.set(key, now);
    const oldest = this.#notedAt.keys().next();
    if (this.#notedAt.size > MOST && !oldest.done) this.#notedAt.delete(oldest.value);
    return true;
  }
}
