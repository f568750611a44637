import fc from "fast-check";
import { expect, test } from "vitest";
import { append, counted, entries, openLog, readAll, shown, tempDir } from "./log-fixtures.ts";
import { LogReader } from "./log-reader.ts";

test("tail and since: the later of the two", async () => {
  const log = await openLog(tempDir(), 4096);
  await log.begin("c1");
  for (let number = 1; number <= 10; number++) await append(log, counted(number, number));
  const first = async (options: object) => (await readAll(log, options))[0]?.split(" ")[0];
  expect(await first({ tail: 3 })).toBe("8");
  expect(await first({ since: 5n })).toBe("5");
  expect(await first({ tail: 3, since: 5n })).toBe("8");
  expect(await first({ tail: 7, since: 9n })).toBe("9");
  expect(await first({ tail: 0 })).toBeUndefined();
  expect(await first({ since: 11n })).toBeUndefined();
  expect(await first({ tail: 1000 })).toBe("1");
});

test("a line that has not ended counts as one", async () => {
  const log = await openLog(tempDir());
  await log.begin("c1");
  await append(log, entries(["out", 1n, "a"], ["out", 2n, "b"], ["out+", 3n, "no "], ["out+", 3n, "end"]));
  expect(await readAll(log, { tail: 1 })).toEqual(["3 stdout no +", "4 stdout end+"]);
  expect(await readAll(log, { tail: 2 })).toEqual(["2 stdout b", "3 stdout no +", "4 stdout end+"]);
});

test("the last N lines are those that a reader of everything sees last, over any segments and chunks", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 0, max: 60 }),
      fc.nat(70),
      fc.integer({ min: 64, max: 4096 }),
      async (lines, tail, chunk) => {
        const log = await openLog(tempDir(), 1 << 16);
        await log.begin("c1");
        for (let number = 1; number <= lines; number++)
          await append(
            log,
            counted(number, number, (each) => "y".repeat(each * 37)),
          );
        const all = (await readAll(log, { chunk })).filter((line) => !line.includes("notice"));
        const last = (await readAll(log, { chunk, tail })).filter((line) => !line.includes("notice"));
        expect(last).toEqual(tail === 0 ? [] : all.slice(-tail));
      },
    ),
    { numRuns: 40 },
  );
});

test("a reader at the end goes on with what is written later, also in new segments", async () => {
  const log = await openLog(tempDir(), 16 * 1024);
  await log.begin("c1");
  const reader = new LogReader(log, { tail: 0 });
  expect(await reader.read()).toEqual([]);
  const seen: string[] = [];
  for (let number = 1; number <= 100; number++) {
    await append(
      log,
      counted(number, number, (each) => `${each} ${"z".repeat(500)}`),
    );
    for (let records = await reader.read(); records.length > 0; records = await reader.read())
      seen.push(...records.map((record) => shown(record).split(" ")[0]!));
  }
  await reader.close();
  expect(seen).toEqual(Array.from({ length: 100 }, (_, at) => String(at + 1)));
});

test("a reader that is slower than the log's bound hears how much it missed, in its place", async () => {
  const log = await openLog(tempDir(), 16 * 1024);
  await log.begin("c1");
  const text = (each: number) => `${each} ${"z".repeat(500)}`;
  await append(log, counted(1, 3, text));
  const reader = new LogReader(log, {});
  const read = async () => (await reader.read()).map((record) => shown(record));
  expect((await read()).map((line) => line.split(" ")[0])).toEqual(["1", "2", "3"]);
  for (let number = 4; number <= 100; number++) await append(log, counted(number, number, text));
  const lines: string[] = [];
  for (let more = await read(); more.length > 0; more = await read()) lines.push(...more);
  await reader.close();
  const at = lines.findIndex((line) => line.includes("notice"));
  const next = Number(lines[at + 1]!.split(" ")[0]);
  const before = at === 0 ? 3 : Number(lines[at - 1]!.split(" ")[0]);
  const missed = Array.from({ length: next - before - 1 }, (_, i) => text(before + 1 + i).length + 1);
  expect(lines[at]).toBe(
    `${next - 1} notice ${missed.reduce((a, b) => a + b, 0)} bytes of output before this are no longer kept`,
  );
  expect(lines.at(-1)).toMatch(/^100 /);
});
