/** Logs of one node's containers, as a source of records. A tunnel that breaks is opened again, and the records go on without gap or repeat. */
import { skeinErrorOf } from "../../shared/errors/errors.ts";
import { Consumed, FRAME_COST } from "../../shared/streams/credit.ts";
import { CHANNEL } from "../../shared/streams/frames.ts";
import {
  type HostRecord,
  type LogRecord,
  RecordReader,
  recordBytes,
} from "../../shared/streams/log-records.ts";
import type { RecordSource } from "../../shared/streams/merge-records.ts";
import { logError } from "../platform/log-error.ts";
import type { TunnelNode } from "./dials.ts";
import type { NodeTunnel, TunnelStream } from "./node-tunnel.ts";

export interface LogQuery {
  /** ns since 1970, inclusive. */
  since?: bigint;
  /** Last lines of each container. */
  tail?: number;
  follow: boolean;
}

export interface NodeLogsOptions {
  node: TunnelNode;
  hosts: readonly string[];
  query: LogQuery;
  /** Opens the tunnel. @throws SkeinError */
  tunnel(): Promise<NodeTunnel>;
  /** Whether the session has ended: then a node that cannot be reached is not waited for much longer. */
  isOver(): Promise<boolean>;
  /** Something changed: look at the source again. */
  wake(): void;
}

const RETRY_MS = 2000;
/** So long a node may be away before its logs are given up, once the session has ended: an agent that dials again is back by then. */
const LAST_WAIT_MS = 30_000;

interface Entry {
  record: HostRecord;
  /** Gives the stream that brought it its credit back. */
  consumed(): void;
}

export class NodeLogs implements RecordSource<HostRecord> {
  readonly #options: NodeLogsOptions;
  #entries: Entry[] = [];
  /** Entries before it are gone; they are cut off now and then. */
  #first = 0;
  /** Time of each host's last record. */
  readonly #last = new Map<string, bigint>();
  #stream: TunnelStream | undefined;
  #isLive = false;
  #isOver = false;
  #isStopped = false;
  /** When the node was found away; ms since 1970. */
  #awaySince: number | undefined;

  constructor(options: NodeLogsOptions) {
    this.#options = options;
    void this.#run();
  }

  get isOver(): boolean {
    return this.#isOver && this.head() === undefined;
  }

  head(): HostRecord | undefined {
    return this.#entries[this.#first]?.record;
  }

  shift(): void {
    this.#entries[this.#first]!.consumed();
    this.#first++;
    if (this.#first < 1024) return;
    this.#entries = this.#entries.slice(this.#first);
    this.#first = 0;
  }

  isBehind(): boolean {
    return !this.#isLive && !this.#isOver && this.#awaySince === undefined;
  }

  stop(): void {
    this.#isStopped = true;
    this.#stream?.end("client_gone", "the client is gone");
  }

  async #run(): Promise<void> {
    const { query, isOver, wake } = this.#options;
    while (!this.#isStopped) {
      const broke = await this.#read().catch((error: unknown) => {
        const ours = skeinErrorOf(error);
        if (!ours) logError(`logs of ${this.#options.node.name} cannot be read:`, error);
        return ours?.message ?? "the API cannot reach its link";
      });
      if (broke === undefined || this.#isStopped) break;
      const since = this.#away(broke);
      if (!query.follow || (Date.now() - since > LAST_WAIT_MS && (await isOver()))) break;
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
    this.#isOver = true;
    wake();
  }

  /** Reads until the logs end, or the stream breaks: then resolves with the reason. @throws SkeinError */
  async #read(): Promise<string | undefined> {
    const { hosts, query, wake } = this.#options;
    const tunnel = await this.#options.tunnel();
    const { promise, resolve } = Promise.withResolvers<string | undefined>();
    const reader = new RecordReader();
    let credit: Consumed | undefined;
    const consumed = (bytes: number) => {
      credit ??= new Consumed(stream.window);
      const due = credit.add(bytes);
      if (due > 0) stream.consumed(due);
    };
    const stream = tunnel.open(
      { kind: "logs", hosts: [...hosts], follow: query.follow, ...this.#from() },
      {
        onData: (frame) => {
          if (frame[0] !== CHANNEL.output) return;
          consumed(FRAME_COST);
          for (const record of reader.take(frame.subarray(1))) this.#take(record, consumed);
          wake();
        },
        onMessage: ({ type }) => {
          if (type !== "live") return;
          this.#isLive = true;
          wake();
        },
        onCredit: () => {},
        onClose: (code, reason) => {
          this.#stream = undefined;
          resolve(code === "done" ? undefined : reason || code);
        },
      },
    );
    this.#stream = stream;
    return await promise;
  }

  /** Where to begin: as asked, or behind what has come. */
  #from(): { since?: string; tail?: number } {
    const { hosts, query } = this.#options;
    const since = query.since === undefined ? {} : { since: String(query.since) };
    if (this.#last.size === 0) return query.tail === undefined ? since : { ...since, tail: query.tail };
    const seen = hosts.flatMap((host) => this.#last.get(host) ?? []);
    // A host that was not heard before the break still has all its lines to send.
    if (seen.length < hosts.length) return since;
    return { since: String(seen.reduce((least, time) => (time < least ? time : least))) };
  }

  #take(record: LogRecord, consumed: (bytes: number) => void): void {
    const host = this.#options.hosts[record.place];
    if (host === undefined) return;
    this.#awaySince = undefined;
    const cost = recordBytes(record);
    // Comes again after a break, since only one time is asked for all hosts.
    if (record.time <= (this.#last.get(host) ?? -1n) && record.stream !== "notice") {
      consumed(cost);
      return;
    }
    if (record.stream !== "notice") this.#last.set(host, record.time);
    this.#entries.push({
      record: { ...record, bytes: record.bytes.slice(), host },
      consumed: () => consumed(cost),
    });
  }

  /** One line that says that the node cannot be reached. Returns since when, in ms since 1970. */
  #away(reason: string): number {
    if (this.#awaySince !== undefined) return this.#awaySince;
    this.#awaySince = Date.now();
    const { hosts, query, node, wake } = this.#options;
    const more = query.follow ? "they go on here once it is back" : "ask again once it is back";
    const text = `the logs of node ${node.name} cannot be read now (${reason}): ${more}`;
    const bytes = new TextEncoder().encode(text);
    const time = BigInt(Date.now()) * 1_000_000n;
    const record = { place: 0, stream: "notice", time, partial: false, bytes, host: hosts[0]! } as const;
    this.#entries.push({ record, consumed() {} });
    wake();
    return this.#awaySince;
  }
}
