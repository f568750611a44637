import { appendFileSync, mkdirSync, readdirSync, statSync, truncateSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { append, counted, entries, openLog, readAll, tempDir } from "./log-fixtures.ts";

const paths = (dir: string) =>
  readdirSync(dir)
    .sort()
    .map((name) => join(dir, name));

describe("what is stored", () => {
  test("comes back byte by byte, with its stream", async () => {
    const log = await openLog(tempDir());
    await log.begin("c1");
    await append(log, entries(["out", 1n, Buffer.from([0xff, 0, 10])], ["err+", 2n, ""], ["err", 2n, "x"]));
    await log.notice("said by Skein", 3n);
    expect(await readAll(log)).toEqual([
      "1 stdout \xff\0\n",
      "2 stderr +",
      "3 stderr x",
      "4 notice said by Skein",
    ]);
  });

  test("has a time of its own for each line, which grows, whatever the engine's clock does", async () => {
    const log = await openLog(tempDir());
    await log.begin("c1");
    await append(
      log,
      entries(["out", 100n, "a"], ["out", 100n, "b"], ["out", 50n, "back"], ["err", 51n, "c"]),
    );
    await append(log, entries(["out", 102n, "d"], ["out", 200n, "e"]));
    expect(await readAll(log)).toEqual([
      ...["100 stdout a", "101 stdout b", "102 stdout back", "103 stderr c"],
      ...["104 stdout d", "200 stdout e"],
    ]);
  });

  test("parts of one line get the time at which they come, if they come while it is followed", async () => {
    const log = await openLog(tempDir());
    await log.begin("c1");
    const parts = entries(["err+", 100n, "10%"], ["err+", 100n, "20%"]);
    await append(log, parts.slice(0, 1), true, 5000n);
    await append(log, parts.slice(1), true, 9000n);
    await append(log, parts.slice(1), false, 12_000n);
    expect(await readAll(log)).toEqual(["100 stderr 10%+", "9000 stderr 20%+", "9001 stderr 20%+"]);
  });
});

describe("too much", () => {
  const wide = (number: number) => `${number} ${"x".repeat(1000)}`;

  test("the oldest goes, and a reader from the beginning hears how much", async () => {
    const dir = tempDir();
    const log = await openLog(dir, 64 * 1024);
    await log.begin("c1");
    for (let number = 1; number <= 300; number++) await append(log, counted(number, number, wide));
    expect(log.size).toBeLessThanOrEqual(64 * 1024);
    expect(log.size).toBeGreaterThan(48 * 1024);
    expect(paths(dir).reduce((sum, path) => sum + statSync(path).size, 0)).toBe(log.size);
    const [notice, ...lines] = await readAll(log);
    const first = Number(lines[0]!.split(" ")[0]);
    expect(lines.map((line) => Number(line.split(" ")[0]))).toEqual(
      Array.from({ length: 301 - first }, (_, at) => first + at),
    );
    const gone = Array.from({ length: first - 1 }, (_, at) => wide(at + 1).length + 1).reduce(
      (a, b) => a + b,
    );
    expect(notice).toBe(`${first - 1} notice ${gone} bytes of output before this are no longer kept`);
  });

  test("a reader that asked for later lines hears nothing of it", async () => {
    const log = await openLog(tempDir(), 64 * 1024);
    await log.begin("c1");
    for (let number = 1; number <= 300; number++) await append(log, counted(number, number, wide));
    expect((await readAll(log, { tail: 2 })).map((line) => line.split(" ")[0])).toEqual(["299", "300"]);
    expect((await readAll(log, { since: 298n })).map((line) => line.split(" ")[0])).toEqual([
      "298",
      "299",
      "300",
    ]);
  });

  test("also the only segment can go: writing goes on in another", async () => {
    const log = await openLog(tempDir());
    await log.begin("c1");
    await append(log, counted(1, 2));
    expect(await log.dropOldest()).toBe(true);
    expect(await log.dropOldest()).toBe(false);
    expect(log.size).toBe(0);
    await append(log, counted(3, 3));
    expect(await readAll(log)).toEqual([
      "2 notice 14 bytes of output before this are no longer kept",
      "3 stdout line 3",
    ]);
  });
});

describe("another run of the agent", () => {
  test("goes on at the last stored record, in the same container only", async () => {
    const dir = tempDir();
    const before = await openLog(dir);
    expect(await before.begin("c1")).toBeUndefined();
    await append(before, entries(["err+", 3n, "part"], ["out", 7n, "a"], ["out", 7n, "b"], ["out", 5n, "c"]));
    const log = await openLog(dir);
    const place = (await log.begin("c1"))!;
    expect(place.isAt({ stream: "stdout", time: 5n, ordinal: 1 })).toBe(true);
    expect([place.newest, place.earliest, place.timeOf("stderr")]).toEqual([7n, 3n, 3n]);
    await append(log, counted(6, 6));
    expect((await readAll(log)).at(-1)).toBe("10 stdout line 6");
    expect(await log.begin("c2")).toBeUndefined();
    await append(log, counted(20, 20));
    const third = await openLog(dir);
    expect((await third.begin("c2"))!.isAt({ stream: "stdout", time: 20n, ordinal: 1 })).toBe(true);
  });

  test("counts on where many entries have one time", async () => {
    const dir = tempDir();
    const before = await openLog(dir, 4096);
    await before.begin("c1");
    const parts = entries(
      ...Array.from({ length: 40 }, (): ["out+", bigint, string] => ["out+", 9n, "x".repeat(100)]),
    );
    for (const part of parts) await append(before, [part]);
    expect(readdirSync(dir).length).toBeGreaterThan(3);
    const place = (await (await openLog(dir, 4096)).begin("c1"))!;
    expect(place.isAt({ stream: "stdout", time: 9n, ordinal: 40 })).toBe(true);
  });

  test("cuts off what was written halfway, wherever it was cut", async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 200 }), fc.boolean(), async (bytes, zeros) => {
        const dir = tempDir();
        const before = await openLog(dir);
        await before.begin("c1");
        await append(before, counted(1, 5));
        const [path] = paths(dir) as [string];
        const whole = (await readAll(before)).slice(0, 5);
        // A crash of the machine may leave zeros.
        if (zeros) appendFileSync(path, Buffer.alloc(bytes));
        else truncateSync(path, Math.max(0, statSync(path).size - bytes));
        const log = await openLog(dir);
        const place = await log.begin("c1");
        const kept = Number(place?.newest ?? 0n);
        await append(log, counted(kept + 1, 5));
        expect((await readAll(log)).slice(0, 5)).toEqual(whole);
        expect(await readAll(await openLog(dir))).toEqual(whole);
      }),
      { numRuns: 30 },
    );
  });
});

test("a batch that could not be stored is stored when it is repeated, once", async () => {
  const dir = join(tempDir(), "not-there-yet");
  const log = await openLog(dir);
  await log.begin("c1");
  await expect(append(log, counted(1, 2))).rejects.toThrow(/ENOENT/);
  mkdirSync(dir);
  await append(log, counted(1, 2));
  expect(await readAll(log)).toEqual(["1 stdout line 1", "2 stdout line 2"]);
});
