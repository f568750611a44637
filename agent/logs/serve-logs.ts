/** Serves a stream of kind `logs`: the output of some of a session's containers on this node, live or ended. */
import { CHANNEL } from "../../shared/streams/frames.ts";
import { encodeRecords, type LogRecord } from "../../shared/streams/log-records.ts";
import type { OpenLogs } from "../../shared/streams/stream-messages.ts";
import type { Serve, Stream } from "../streams/stream.ts";
import { type MergeSource, merge } from "./merge.ts";
import type { NodeLogs } from "./node-logs.ts";

export function serveLogs(logs: Pick<NodeLogs, "find" | "await">, session: string): Serve<OpenLogs> {
  return async function serveSessionLogs(stream: Stream, { hosts, since, tail, follow }: OpenLogs) {
    stream.opened();
    const found = await (follow ? logs.await(session, hosts, stream.signal) : logs.find(session));
    const wanted = hosts.map((host, place) => ({ place, host, log: found?.log(host) }));
    for (const { place, host, log } of wanted)
      if (!log) await send(stream, [noticeOf(place, `this node has no output of ${host}`)]);
    const sources = wanted.filter((each): each is MergeSource & { host: string } => each.log !== undefined);
    const from = since === undefined ? undefined : BigInt(since);
    const onLive = () => stream.live();
    const options = { since: from, tail, follow, onLive, signal: stream.signal };
    for await (const records of merge(sources, options)) await send(stream, records);
  };
}

async function send(stream: Stream, records: readonly LogRecord[]): Promise<void> {
  await stream.write(CHANNEL.output, encodeRecords(records));
}

function noticeOf(place: number, text: string): LogRecord {
  const time = BigInt(Date.now()) * 1_000_000n;
  return { place, stream: "notice", time, partial: false, bytes: Buffer.from(text) };
}
