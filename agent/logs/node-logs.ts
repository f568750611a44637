/**
 * The logs of all sessions on this node: one folder for each session, named like its Docker network. They stay after a session's end until
 * its retention is over, or until the node's space for logs runs out. A failure here never fails a session.
 */
import { mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Layout } from "../../shared/protocol/assignment.ts";
import { networkName } from "../docker/docker-names.ts";
import type { DockerPort } from "../docker/port.ts";
import type { Log } from "../log.ts";
import type { Owner } from "../network/link-names.ts";
import { EndedLogs } from "./ended-logs.ts";
import { type LogMeta, readMeta } from "./log-meta.ts";
import { readSegments } from "./segments.ts";
import { SessionLogs } from "./session-logs.ts";

/** How long the end of a container waits for its last output, and how long where it has to be quick. */
const PATIENCE_MS = 10_000;
const FORCED_PATIENCE_MS = 2_000;
const TEND_MS = 60_000;
/** How long a reader waits for a session that this node does not know yet. */
const COMING_MS = 30_000;

export interface NodeLogsOptions {
  /** Has one folder for each session. */
  dir: string;
  owner: Owner;
  docker: Pick<DockerPort, "output">;
  /** Most bytes of all logs together. */
  space: number;
  log: Log;
}

/** What the logs need to know of an assignment. */
export interface Expected extends Pick<Layout, "logs"> {
  session: string;
  containers: readonly { host: string }[];
}

export class NodeLogs {
  readonly #options: NodeLogsOptions;
  readonly #live = new Map<string, SessionLogs>();
  readonly #ended = new EndedLogs();
  /** Bytes of all logs. */
  #size = 0;
  #trimming = false;
  /** Readers of sessions that are about to come. */
  readonly #awaiting = new Set<() => void>();
  /** Sessions come and end one at a time. */
  #order: Promise<unknown> = Promise.resolve();

  private constructor(options: NodeLogsOptions) {
    this.#options = options;
  }

  /** Sessions of an earlier run count as live until {@link keepOnly}. */
  static async open(options: NodeLogsOptions): Promise<NodeLogs> {
    await mkdir(options.dir, { recursive: true, mode: 0o700 });
    const logs = new NodeLogs(options);
    await logs.#load();
    return logs;
  }

  get size(): number {
    return this.#size;
  }

  /** To be called before a session's containers are started, and after a restart of the agent. */
  async expect({ session, logs, containers }: Expected): Promise<void> {
    await this.#inOrder("a session's logs cannot be prepared", async () => {
      const known = this.#live.get(session);
      const before = this.#ended.take(session);
      this.#size -= before?.size ?? 0;
      const hosts = new Set((known ?? before)?.meta.hosts);
      const missing = containers.map(({ host }) => host).filter((host) => !hosts.has(host));
      if (known && missing.length === 0) return;
      const meta = { session, hosts: [...hosts, ...missing], ...logs };
      const opened = known ?? (await this.#open(this.#dirOf(session), meta));
      opened.add(missing);
      for (const come of this.#awaiting) come();
      await opened.save(meta);
    });
  }

  /** A container runs, or ran: its output is followed. */
  started(session: string, host: string, container: string): void {
    this.#live.get(session)?.started(host, container);
  }

  /** It has ended for good: resolves when its output is stored completely, or after a while. `isForced`: after a shorter while. */
  async ended(session: string, host: string, container: string, isForced = false): Promise<void> {
    const patience = isForced ? FORCED_PATIENCE_MS : PATIENCE_MS;
    await this.#live.get(session)?.ended(host, container, patience);
  }

  /** The session has ended on this node. Its retention begins. */
  async over(session: string): Promise<void> {
    await this.#inOrder("a session's logs cannot be closed", () => this.#over(session));
  }

  /** Ends all other sessions. */
  async keepOnly(sessions: ReadonlySet<string>): Promise<void> {
    await this.#inOrder("the logs of sessions that are gone cannot be closed", async () => {
      for (const session of this.#live.keys()) if (!sessions.has(session)) await this.#over(session);
    });
  }

  /** The logs of a session, live or ended; undefined when this node has none. */
  async find(session: string): Promise<SessionLogs | undefined> {
    const live = this.#live.get(session);
    if (live) return live;
    const { docker, log: say } = this.#options;
    const ended = this.#ended.get(session);
    return ended && (await SessionLogs.open({ dir: ended.dir, docker, say }, ended.meta));
  }

  /** The same, once this node has a log of each of these hosts, or after a while: its assignment may still be under way. */
  async await(
    session: string,
    hosts: readonly string[],
    signal: AbortSignal,
  ): Promise<SessionLogs | undefined> {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(COMING_MS)]);
    for (;;) {
      const found = await this.find(session);
      if (limit.aborted || hosts.every((host) => found?.log(host))) return found;
      const come = Promise.withResolvers<void>();
      this.#awaiting.add(come.resolve);
      limit.addEventListener("abort", () => come.resolve(), { once: true });
      await come.promise;
      this.#awaiting.delete(come.resolve);
    }
  }

  /** Deletes what is over, every minute. */
  async tend(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#inOrder("old logs cannot be deleted", async () => {
        this.#grow(-(await this.#ended.expire(Date.now())));
      });
      await delay(TEND_MS, undefined, { signal }).catch(() => {});
    }
  }

  /** Stops to follow. The containers run on. */
  async close(): Promise<void> {
    await Promise.all([...this.#live.values()].map((logs) => logs.close()));
  }

  async #load(): Promise<void> {
    const { dir, owner } = this.#options;
    const ended = [];
    for (const name of await readdir(dir)) {
      const meta = await readMeta(join(dir, name));
      if (!meta || networkName(owner, meta.session) !== name)
        await rm(join(dir, name), { recursive: true, force: true });
      else if (meta.endedAt === undefined) await this.#open(join(dir, name), meta);
      else ended.push({ dir: join(dir, name), meta: { ...meta, endedAt: meta.endedAt } });
    }
    ended.sort((a, b) => a.meta.endedAt - b.meta.endedAt);
    for (const each of ended) {
      const size = await sizeOf(each.dir);
      this.#ended.add({ ...each, size });
      this.#grow(size);
    }
  }

  async #open(dir: string, meta: LogMeta): Promise<SessionLogs> {
    const { docker, log: say } = this.#options;
    const logs = await SessionLogs.open({ dir, docker, say, onSize: (more) => this.#grow(more) }, meta);
    this.#live.set(meta.session, logs);
    this.#grow(logs.size);
    return logs;
  }

  async #over(session: string): Promise<void> {
    const logs = this.#live.get(session);
    if (!logs) return;
    await logs.close();
    this.#live.delete(session);
    const meta = { ...logs.meta, endedAt: Date.now() };
    this.#ended.add({ dir: this.#dirOf(session), meta, size: logs.size });
    await logs.save(meta);
  }

  #dirOf(session: string): string {
    return join(this.#options.dir, networkName(this.#options.owner, session));
  }

  #grow(more: number): void {
    this.#size += more;
    if (this.#size > this.#options.space) void this.#trim();
  }

  /** Ended sessions first, then the oldest output of live ones. Never rejects. */
  async #trim(): Promise<void> {
    if (this.#trimming) return;
    this.#trimming = true;
    try {
      while (this.#size > this.#options.space) {
        const freed = await this.#ended.dropOldest();
        this.#size -= freed;
        if (freed === 0 && !(await this.#dropLive())) break;
      }
    } catch (error) {
      this.#warn("old logs cannot be deleted", error as Error);
    } finally {
      this.#trimming = false;
    }
  }

  async #dropLive(): Promise<boolean> {
    const logs = [...this.#live.values()].flatMap((session) => session.logs);
    const first = ({ segments }: (typeof logs)[number]) => segments[0]?.first;
    const oldest = logs
      .filter((log) => first(log) !== undefined)
      .reduce<(typeof logs)[number] | undefined>(
        (least, log) => (!least || first(log)! < first(least)! ? log : least),
        undefined,
      );
    return oldest !== undefined && (await oldest.dropOldest());
  }

  async #inOrder(what: string, job: () => Promise<void>): Promise<void> {
    const done = this.#order.then(job).catch((error: Error) => this.#warn(what, error));
    this.#order = done;
    await done;
  }

  #warn(what: string, error: Error): void {
    this.#options.log.warn({ reason: error.message }, what);
  }
}

async function sizeOf(dir: string): Promise<number> {
  return [...(await readSegments(dir)).values()].flat().reduce((sum, { size }) => sum + size, 0);
}
