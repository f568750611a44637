import fc from "fast-check";
import { expect, test } from "vitest";
import { nextSource, type RecordSource } from "./merge-records.ts";
import { sinceOf } from "./since.ts";

const NOW = Date.parse("2026-11-26T12:00:00Z");

test.each([
  ["10m", "2026-11-26T11:50:00Z"],
  ["90s", "2026-11-26T11:58:30Z"],
  ["2d", "2026-11-24T12:00:00Z"],
  ["2026-11-26T13:00:00+01:00", "2026-11-26T12:00:00Z"],
  ["2026-11-26t11:00:00.5z", "2026-11-26T11:00:00.5Z"],
])("since %s is %s", (text, time) => {
  expect(sinceOf(text, NOW)).toBe(BigInt(Date.parse(time)) * 1_000_000n);
});

test("since keeps nanoseconds, and goes no further back than 1970", () => {
  expect(sinceOf("1970-01-01T00:00:01.000000007Z", NOW)).toBe(1_000_000_007n);
  expect(sinceOf("999999d", NOW)).toBe(0n);
});

test.each(["", "10", "m", "yesterday", "2026-11-26", "2026-13-26T00:00:00Z", "1960-01-01T00:00:00Z", "-10m"])(
  "%j is no moment",
  (text) => expect(sinceOf(text, NOW)).toBeUndefined(),
);

interface Item {
  time: bigint;
}

/** `behind`: it may still have older records than its head's successor. */
function source(times: number[], behind: boolean): RecordSource<Item> & { times: number[] } {
  return {
    times,
    head: () => (times[0] === undefined ? undefined : { time: BigInt(times[0]) }),
    shift: () => void times.shift(),
    isBehind: () => behind,
  };
}

test("sources that have all they will have are merged by time", () => {
  fc.assert(
    fc.property(fc.array(fc.array(fc.nat(100), { maxLength: 20 }), { maxLength: 5 }), (lists) => {
      const sources = lists.map((list) =>
        source(
          list.toSorted((a, b) => a - b),
          false,
        ),
      );
      const merged: number[] = [];
      for (let next = nextSource(sources); next; next = nextSource(sources)) {
        merged.push(next.times[0]!);
        next.shift();
      }
      expect(merged).toEqual(lists.flat().toSorted((a, b) => a - b));
    }),
  );
});

test("a source that is behind and has nothing holds back the others; one that follows live does not", () => {
  const ready = source([5], false);
  expect(nextSource([ready, source([], true)])).toBeUndefined();
  expect(nextSource([ready, source([], false)])).toBe(ready);
  const older = source([3], true);
  expect(nextSource([ready, older])).toBe(older);
});
