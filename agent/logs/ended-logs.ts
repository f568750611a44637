/** The logs of sessions that have ended on this node, until their retention is over or their space is needed. */
import { rm } from "node:fs/promises";
import type { LogMeta } from "./log-meta.ts";
import { readSegments } from "./segments.ts";

interface EndedSession {
  dir: string;
  meta: LogMeta & { endedAt: number };
  /** Bytes on the disk. */
  size: number;
}

export class EndedLogs {
  /** By session, in the order of their ends. */
  readonly #sessions = new Map<string, EndedSession>();

  add(ended: EndedSession): void {
    this.#sessions.set(ended.meta.session, ended);
  }

  get(session: string): EndedSession | undefined {
    return this.#sessions.get(session);
  }

  /** It lives again. */
  take(session: string): EndedSession | undefined {
    const known = this.#sessions.get(session);
    this.#sessions.delete(session);
    return known;
  }

  /** Deletes the oldest part of what ended first. Resolves to its bytes; 0 when nothing is left. */
  async dropOldest(): Promise<number> {
    const oldest = [...this.#sessions.values()].find(({ size }) => size > 0);
    if (!oldest) return 0;
    const segments = [...(await readSegments(oldest.dir)).values()].flat();
    const first = segments.reduce<(typeof segments)[number] | undefined>(
      (least, each) => (!least || each.first < least.first ? each : least),
      undefined,
    );
    if (first) await rm(first.path, { force: true });
    const freed = first && segments.length > 1 ? first.size : oldest.size;
    oldest.size -= freed;
    return freed;
  }

  /** Deletes all whose retention is over. Resolves to their bytes. `now`: ms since 1970. */
  async expire(now: number): Promise<number> {
    let freed = 0;
    for (const [session, { dir, meta, size }] of this.#sessions) {
      if (meta.endedAt + meta.seconds * 1000 > now) continue;
      await rm(dir, { recursive: true, force: true });
      this.#sessions.delete(session);
      freed += size;
    }
    return freed;
  }
}
