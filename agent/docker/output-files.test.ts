import { appendFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { UnknownFormat } from "./local-entries.ts";
import { OutputPlace } from "./output.ts";
import { readFiles } from "./output-files.ts";
import { collect, LocalFiles, localEntry } from "./output-fixtures.ts";

function engine() {
  const dir = mkdtempSync(join(tmpdir(), "skein-output-"));
  const [ended, stop] = [new AbortController(), new AbortController()];
  onTestFinished(() => {
    stop.abort();
    rmSync(dir, { recursive: true });
  });
  const read = (after?: OutputPlace) =>
    collect(readFiles(dir, { after, ended: ended.signal, signal: stop.signal }));
  return { files: new LocalFiles(dir), ended, stop, read };
}

/** The place after the last of these entries. */
function placeAt(...entries: [stream: "stdout" | "stderr", time: bigint, partial?: boolean][]): OutputPlace {
  const place = new OutputPlace();
  for (const [stream, time, partial = false] of entries)
    place.note({ stream, time, partial, ordinal: place.ordinalOf(stream, time) });
  return place;
}

const counted = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, at) => `stdout ${from + at}#1 line ${from + at}`);

test("what is there comes first, then what is written, over any number of files; it ends when the container has ended", async () => {
  const { files, ended, read } = engine();
  files.count(1, 3);
  files.rotate();
  files.count(4, 6);
  const { lines, done } = read();
  await expect.poll(() => lines).toEqual(counted(1, 6));
  files.count(7, 8);
  files.rotate();
  files.count(9, 9);
  await expect.poll(() => lines).toEqual(counted(1, 9));
  // It waits for the kernel's word now.
  files.rotate();
  files.rotate();
  files.count(10, 10);
  await expect.poll(() => lines).toEqual(counted(1, 10));
  files.count(11, 12);
  ended.abort();
  await done;
  expect(lines).toEqual(counted(1, 12));
});

test("both streams, bytes as they are, and the parts of a long line", async () => {
  const { files, ended, read } = engine();
  files.write(
    { time: 2n ** 62n + 3n, line: Buffer.from([0xff, 0, 0xfe]) },
    { time: 5n, line: "", stream: "stderr" },
    { time: 6n, line: "aaa", part: 1 },
    { time: 7n, line: "between", stream: "stderr" },
    { time: 6n, line: "bbb", part: 2 },
    { time: 6n, line: "c", part: 3, last: true },
    { time: 8n, line: "no newline", part: 1 },
  );
  ended.abort();
  const { lines, done } = read();
  await done;
  expect(lines).toEqual([
    `stdout ${2n ** 62n + 3n}#1 \xff\0\xfe`,
    "stderr 5#1 ",
    "stdout 6#1 aaa+",
    "stderr 7#1 between",
    "stdout 6#2 bbb+",
    "stdout 6#3 c",
    "stdout 8#1 no newline+",
  ]);
});

test("it goes on after a place, in whatever file that is, also where times are equal or go back", async () => {
  const { files, ended, read } = engine();
  files.count(1, 5);
  files.write({ time: 9n, line: "nine" }, { time: 9n, line: "nine again" }, { time: 9n, line: "and again" });
  files.rotate();
  files.write({ time: 3n, line: "back" }, { time: 4n, line: "four", stream: "stderr" });
  files.rotate();
  ended.abort();
  const after = async (place: OutputPlace) => {
    const { lines, done } = read(place);
    await done;
    return lines;
  };
  expect(await after(placeAt(["stdout", 5n], ["stdout", 9n], ["stdout", 9n]))).toEqual([
    "stdout 9#3 and again",
    "stdout 3#1 back",
    "stderr 4#1 four",
  ]);
  expect(await after(placeAt(["stdout", 3n], ["stderr", 4n]))).toEqual([]);
  expect(await after(placeAt(["stdout", 9n], ["stdout", 3n]))).toEqual(["stderr 4#1 four"]);
});

test("where the place is gone it says so, and goes on at the oldest that is left", async () => {
  const { files, ended, read } = engine();
  for (let file = 0; file < 7; file++) {
    files.count(file * 10, file * 10 + 1);
    files.rotate();
  }
  ended.abort();
  const { lines, done } = read(placeAt(["stdout", 1n]));
  await done;
  expect(lines.slice(0, 2)).toEqual(["missed", "stdout 40#1 line 40"]);
});

test("a reader that lags by more files than the engine keeps says so", async () => {
  const { files, ended, read } = engine();
  files.count(1, 2);
  const { lines, done } = read();
  await expect.poll(() => lines).toHaveLength(2);
  // In one turn: the reader sees nothing of it.
  for (let file = 1; file <= 6; file++) {
    files.rotate();
    files.count(file * 10, file * 10);
  }
  ended.abort();
  await done;
  expect(lines.slice(2)).toEqual(["missed", ...[30, 40, 50, 60].map((at) => `stdout ${at}#1 line ${at}`)]);
});

test("more than is read at a time", async () => {
  const { files, ended, read } = engine();
  const line = (number: number) => String(number).padEnd(16_384, "x");
  const numbers = Array.from({ length: 60 }, (_, at) => at + 1);
  files.write(...numbers.map((number) => ({ time: BigInt(number), line: line(number) })));
  ended.abort();
  const whole = read();
  await whole.done;
  expect(whole.lines).toEqual(numbers.map((number) => `stdout ${number}#1 ${line(number)}`));
  const rest = read(placeAt(["stdout", 50n]));
  await rest.done;
  expect(rest.lines).toEqual(whole.lines.slice(50));
});

test("an entry that is only half there is waited for", async () => {
  const { files, read } = engine();
  files.count(1, 1);
  const bytes = localEntry({ time: 2n, line: "in two writes" });
  const path = join(files.dir, "container.log");
  appendFileSync(path, bytes.subarray(0, 9));
  const { lines } = read();
  await expect.poll(() => lines).toHaveLength(1);
  appendFileSync(path, bytes.subarray(9));
  await expect.poll(() => lines).toEqual(["stdout 1#1 line 1", "stdout 2#1 in two writes"]);
});

test("a file of another format is refused", async () => {
  const { files, read } = engine();
  appendFileSync(join(files.dir, "container.log"), '{"log":"a line\\n","stream":"stdout"}\n');
  await expect(read().done).rejects.toThrow(UnknownFormat);
});

test("it ends with its signal, also while it waits", async () => {
  const { files, stop, read } = engine();
  files.count(1, 1);
  const { lines, done } = read();
  await expect.poll(() => lines).toHaveLength(1);
  stop.abort();
  await done;
});
