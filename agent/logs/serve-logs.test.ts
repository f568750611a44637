import { expect, onTestFinished, test } from "vitest";
import { CHANNEL, type Channel } from "../../shared/streams/frames.ts";
import { RecordReader } from "../../shared/streams/log-records.ts";
import type { OpenLogs } from "../../shared/streams/stream-messages.ts";
import type { Stream } from "../streams/stream.ts";
import { append, counted, entries, shown, tempDir } from "./log-fixtures.ts";
import type { NodeLogs } from "./node-logs.ts";
import { serveLogs } from "./serve-logs.ts";
import { StoredLog } from "./stored-log.ts";

/** A session with these hosts, and a client that reads their logs. */
function session(...hosts: string[]) {
  const dir = tempDir();
  const logs = new Map(
    hosts.map((host) => [host, new StoredLog({ dir, host, bytes: 2 ** 20, segments: [] })] as const),
  );
  onTestFinished(async () => void (await Promise.all([...logs.values()].map((log) => log.close()))));
  const found = { log: (host: string) => logs.get(host) };
  const find = async () => found as unknown as Awaited<ReturnType<NodeLogs["find"]>>;
  function open(options: Partial<OpenLogs> = {}) {
    const stop = new AbortController();
    onTestFinished(() => stop.abort());
    const said: string[] = [];
    const reader = new RecordReader();
    const wanted = options.hosts ?? hosts;
    const gate = { open: Promise.resolve() };
    let written = 0;
    const stream: Pick<Stream, "signal" | "opened" | "write" | "live"> = {
      signal: stop.signal,
      opened: () => void said.push("opened"),
      live: () => void said.push("live"),
      async write(channel: Channel, bytes: Uint8Array) {
        await gate.open;
        stop.signal.throwIfAborted();
        expect(channel).toBe(CHANNEL.output);
        written += bytes.length;
        for (const record of reader.take(bytes)) said.push(`${wanted[record.place]} ${shown(record)}`);
      },
    };
    const request: OpenLogs = {
      type: "open",
      kind: "logs",
      window: 1,
      hosts: wanted,
      follow: false,
      ...options,
    };
    const done = serveLogs({ find, await: find }, "ses_1")(stream as Stream, request);
    done.catch(() => {});
    return { said, done, stop, gate, written: () => written };
  }
  const log = (host: string) => logs.get(host)!;
  return { log, open };
}

test("what is there comes in order of time over all containers, then `live`; without follow that is all", async () => {
  const { log, open } = session("main1", "sub1", "sub2");
  await append(log("main1"), entries(["out", 1n, "a"], ["out", 4n, "d"], ["err", 5n, "e"]));
  await append(log("sub1"), entries(["out", 2n, "b"], ["out", 3n, "c"], ["out+", 9n, "f"]));
  const { said, done } = open();
  await done;
  expect(said).toEqual([
    "opened",
    ...["main1 1 stdout a", "sub1 2 stdout b", "sub1 3 stdout c", "main1 4 stdout d", "main1 5 stderr e"],
    "sub1 9 stdout f+",
    "live",
  ]);
});

test("large logs are merged in order, too", async () => {
  const { log, open } = session("main1", "sub1");
  const wide = (number: number) => `${number} ${"w".repeat(200)}`;
  const all = counted(1, 4000, wide);
  await append(
    log("main1"),
    all.filter((_, at) => at % 3 === 0),
  );
  await append(
    log("sub1"),
    all.filter((_, at) => at % 3 !== 0),
  );
  const { said, done } = open();
  await done;
  expect(said.filter((line) => line.includes("stdout")).map((line) => Number(line.split(" ")[1]))).toEqual(
    all.map((_, at) => at + 1),
  );
});

test("with follow a silent container holds up no other, and it ends when all have ended", async () => {
  const { log, open } = session("main1", "sub1");
  await append(log("main1"), counted(1, 2));
  const { said, done } = open({ follow: true });
  await expect.poll(() => said.at(-1)).toBe("live");
  await append(log("main1"), counted(3, 3));
  await expect.poll(() => said.at(-1)).toBe("main1 3 stdout line 3");
  // Older than what was sent, but it comes now.
  await append(log("sub1"), counted(1, 1));
  await expect.poll(() => said.at(-1)).toBe("sub1 1 stdout line 1");
  await log("main1").close();
  await append(log("sub1"), counted(2, 2));
  await log("sub1").close();
  await done;
  expect(said.slice(-2)).toEqual(["sub1 1 stdout line 1", "sub1 2 stdout line 2"]);
});

test("tail counts for each container; a host that is not here gets a notice", async () => {
  const { log, open } = session("main1", "sub1");
  await append(log("main1"), counted(1, 9));
  await append(log("sub1"), counted(5, 6));
  const { said, done } = open({ hosts: ["sub1", "sub7", "main1"], tail: 1 });
  await done;
  expect(said.map((line) => line.replace(/sub7 \d+/, "sub7 T"))).toEqual([
    "opened",
    "sub7 T notice this node has no output of sub7",
    "sub1 6 stdout line 6",
    "main1 9 stdout line 9",
    "live",
  ]);
});

test("who resumes after the last time of a container gets each line once", async () => {
  const { log, open } = session("main1");
  await append(log("main1"), entries(["out", 7n, "a"], ["out", 7n, "b"], ["out", 5n, "c"]));
  const first = open();
  await first.done;
  expect(first.said.slice(1, -1)).toEqual(["main1 7 stdout a", "main1 8 stdout b", "main1 9 stdout c"]);
  const again = open({ since: "9" });
  await again.done;
  expect(again.said.slice(1, -1)).toEqual(["main1 9 stdout c"]);
});

test("a client that does not read is not read for", async () => {
  const { log, open } = session("main1");
  await append(
    log("main1"),
    counted(1, 500, (n) => `${n} ${"w".repeat(1500)}`),
  );
  const { gate, said, written, done } = open();
  const opened = Promise.withResolvers<void>();
  gate.open = opened.promise;
  await expect.poll(() => said).toEqual(["opened"]);
  await append(log("main1"), counted(501, 501));
  expect(written()).toBe(0);
  opened.resolve();
  await done;
  expect(said.at(-2)).toBe("main1 501 stdout line 501");
});

test("while nothing can be stored its followers hear it, once", async () => {
  const { log, open } = session("main1");
  await append(log("main1"), counted(1, 1));
  const { said } = open({ follow: true });
  await expect.poll(() => said.at(-1)).toBe("live");
  log("main1").trouble = "output cannot be stored on its node: ENOSPC";
  await expect.poll(() => said.at(-1)).toMatch(/notice output cannot be stored on its node: ENOSPC/);
  log("main1").trouble = undefined;
  await append(log("main1"), counted(2, 2));
  await expect.poll(() => said.at(-1)).toBe("main1 2 stdout line 2");
  expect(said.filter((line) => line.includes("notice"))).toHaveLength(1);
});

test("it ends with the stream", async () => {
  const { open } = session("main1");
  const { said, done, stop } = open({ follow: true });
  await expect.poll(() => said.at(-1)).toBe("live");
  stop.abort();
  await done;
});
