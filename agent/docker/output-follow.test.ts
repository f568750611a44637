import { PassThrough } from "node:stream";
import { expect, test } from "vitest";
import { OutputPlace } from "./output.ts";
import { collect } from "./output-fixtures.ts";
import { followOutput } from "./output-follow.ts";

/** ns since 1970 of a time of day, with ns. */
const at = (seconds: number, ns = 0) =>
  BigInt(Date.UTC(2026, 0, 1)) * 1_000_000n + BigInt(seconds) * 1_000_000_000n + BigInt(ns);

function frame(stream: "stdout" | "stderr", time: bigint, text: string): Buffer {
  const stamp = `${new Date(Number(time / 1_000_000n)).toISOString().slice(0, 19)}.${String(time % 1_000_000_000n).padStart(9, "0")}Z`;
  const payload = Buffer.from(`${stamp} ${text}`, "latin1");
  const head = Buffer.alloc(8);
  head[0] = stream === "stdout" ? 1 : 2;
  head.writeUInt32BE(payload.length, 4);
  return Buffer.concat([head, payload]);
}

/** An engine that answers each question with the next of these answers. */
function engine(...answers: Buffer[][]) {
  const asked: bigint[] = [];
  const open = async (since: bigint) => {
    asked.push(since);
    const stream = new PassThrough();
    stream.end(Buffer.concat(answers[asked.length - 1]!));
    return stream;
  };
  const follow = (after?: OutputPlace) =>
    collect(followOutput(open, { after, signal: new AbortController().signal }));
  return { asked, follow };
}

function place(...noted: [stream: "stdout" | "stderr", time: bigint, partial?: boolean][]): OutputPlace {
  const made = new OutputPlace();
  for (const [stream, time, partial = false] of noted)
    made.note({ stream, time, partial, ordinal: made.ordinalOf(stream, time) });
  return made;
}

test("frames become entries with the engine's nanoseconds; only a missing newline makes one partial", async () => {
  const { asked, follow } = engine([
    frame("stdout", at(1, 5), "a b\n"),
    frame("stderr", at(1, 6), "\xff\n"),
    frame("stdout", at(2), "\n"),
    frame("stdout", at(3), "part"),
    frame("stdout", at(3), " and the rest\n"),
  ]);
  const { lines, done } = follow();
  await done;
  expect(asked).toEqual([0n]);
  expect(lines).toEqual([
    `stdout ${at(1, 5)}#1 a b`,
    `stderr ${at(1, 6)}#1 \xff`,
    `stdout ${at(2)}#1 `,
    `stdout ${at(3)}#1 part+`,
    `stdout ${at(3)}#2  and the rest`,
  ]);
});

test("it goes on after a place: asks from a little earlier, and leaves out what it had", async () => {
  const { asked, follow } = engine([
    frame("stdout", at(20), "had"),
    frame("stdout", at(20), "had"),
    frame("stdout", at(20), "new\n"),
    // The clock was set back.
    frame("stdout", at(15), "also new\n"),
  ]);
  const { lines, done } = follow(place(["stdout", at(20), true], ["stdout", at(20), true]));
  await done;
  expect(asked).toEqual([at(10)]);
  expect(lines).toEqual([`stdout ${at(20)}#3 new`, `stdout ${at(15)}#1 also new`]);
});

test("a line that goes on has the time of its beginning: it is asked for from then on", async () => {
  const { asked, follow } = engine([]);
  await follow(place(["stderr", at(5), true], ["stdout", at(3600)])).done;
  expect(asked).toEqual([at(5) - 10_000_000_000n]);
});

test("where the engine no longer has the place it says so", async () => {
  const { follow } = engine([frame("stdout", at(30), "later\n")]);
  const { lines, done } = follow(place(["stdout", at(20)]));
  await done;
  expect(lines).toEqual(["missed", `stdout ${at(30)}#1 later`]);
});

/** Written from now on: only what comes after the question is doubted. */
const soon = () => BigInt(Date.now()) * 1_000_000n + 3_600_000_000_000n;

test("entries that come a second time are left out", async () => {
  const now = soon();
  const [a, b, c] = [
    frame("stdout", now, "a\n"),
    frame("stdout", now + 1n, "b\n"),
    frame("stdout", now + 2n, "c\n"),
  ];
  const { asked, follow } = engine([a, b, a, b, c], [a, b, c]);
  const { lines, done } = follow();
  await done;
  expect(asked).toHaveLength(2);
  expect(lines.map((line) => line.split(" ")[2])).toEqual(["a", "b", "c"]);
});

test("an entry of an earlier time is taken when the engine has it at that place: the clock was set back", async () => {
  const now = soon();
  const [a, b] = [frame("stdout", now, "a\n"), frame("stdout", now - 5_000_000_000n, "b\n")];
  const { asked, follow } = engine([a, b], [a, b]);
  const { lines, done } = follow();
  await done;
  expect(asked[1]).toBe(now - 15_000_000_000n);
  expect(lines.map((line) => line.split(" ")[2])).toEqual(["a", "b"]);
});
