/** The logs of one session's containers on this node. */
import { mkdir } from "node:fs/promises";
import type { DockerPort } from "../docker/port.ts";
import type { Log } from "../log.ts";
import { saveFile } from "../save-file.ts";
import { Follower } from "./follower.ts";
import { type LogMeta, META_FILE } from "./log-meta.ts";
import { readSegments } from "./segments.ts";
import { StoredLog } from "./stored-log.ts";

export interface SessionLogsOptions {
  dir: string;
  docker: Pick<DockerPort, "output">;
  say: Log;
  onSize?: (more: number) => void;
}

export class SessionLogs {
  readonly #options: SessionLogsOptions;
  #meta: LogMeta;
  readonly #logs: Map<string, StoredLog>;
  readonly #followers = new Map<string, Follower>();

  private constructor(options: SessionLogsOptions, meta: LogMeta, logs: Map<string, StoredLog>) {
    this.#options = options;
    this.#meta = meta;
    this.#logs = logs;
  }

  /** Those that are on the disk, and a log for each of `hosts`. */
  static async open(options: SessionLogsOptions, meta: LogMeta): Promise<SessionLogs> {
    const { dir, onSize = () => {} } = options;
    const stored = await readSegments(dir);
    const logs = [...new Set([...meta.hosts, ...stored.keys()])].map((host): [string, StoredLog] => {
      const segments = stored.get(host) ?? [];
      const closed = meta.endedAt !== undefined;
      return [host, new StoredLog({ dir, host, bytes: meta.bytes, segments, closed, onSize })];
    });
    return new SessionLogs(options, meta, new Map(logs));
  }

  get meta(): LogMeta {
    return this.#meta;
  }

  /** Undefined for a host that is not on this node. */
  log(host: string): StoredLog | undefined {
    return this.#logs.get(host);
  }

  get logs(): StoredLog[] {
    return [...this.#logs.values()];
  }

  /** Hosts that came with a later plan. */
  add(hosts: readonly string[]): void {
    const { dir, onSize = () => {} } = this.#options;
    for (const host of hosts) {
      if (!this.#logs.has(host))
        this.#logs.set(host, new StoredLog({ dir, host, bytes: this.#meta.bytes, segments: [], onSize }));
    }
  }

  /** Bytes on the disk. */
  get size(): number {
    return this.logs.reduce((sum, { size }) => sum + size, 0);
  }

  /** Stores what they are of. */
  async save(meta: LogMeta): Promise<void> {
    this.#meta = meta;
    await mkdir(this.#options.dir, { recursive: true, mode: 0o700 });
    await saveFile(this.#options.dir, META_FILE, meta);
  }

  /** A container of this host runs, or ran: its output is followed. */
  started(host: string, container: string): void {
    const log = this.#logs.get(host);
    if (!log) return;
    let follower = this.#followers.get(host);
    if (follower?.container !== container) {
      void follower?.stop();
      const { docker, say } = this.#options;
      follower = new Follower({ docker, log, container, say });
      this.#followers.set(host, follower);
    }
    follower.start();
  }

  /** It has ended for good: resolves when all of its output is stored, at the latest after `patienceMs`. */
  async ended(host: string, container: string, patienceMs: number): Promise<void> {
    if (this.#followers.get(host)?.container !== container) this.started(host, container);
    await this.#followers.get(host)?.finish(patienceMs);
    await this.#logs.get(host)?.close();
  }

  /** Nothing is followed from now on. */
  async close(): Promise<void> {
    await Promise.all([...this.#followers.values()].map((follower) => follower.stop()));
    this.#followers.clear();
    await Promise.all(this.logs.map((log) => log.close()));
  }
}
