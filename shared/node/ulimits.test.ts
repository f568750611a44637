import { expect, test } from "vitest";
import {
  givesAll,
  MOST_FILES,
  mostUlimits,
  notGiven,
  sayUlimits,
  type Ulimits,
  ulimitsFor,
} from "./ulimits.ts";

const small = { memlock: 8 * 2 ** 20, nofile: 20_000 };
const large = { memlock: "unlimited", nofile: 2 ** 30 } as const;

test("what is not asked for is as high as the node can give, open files up to 1048576", () => {
  expect(ulimitsFor(undefined, small)).toEqual(small);
  expect(ulimitsFor({}, large)).toEqual({ memlock: "unlimited", nofile: MOST_FILES });
  expect(ulimitsFor({ memlock: 65536 }, undefined)).toEqual({ memlock: 65536 });
  expect(ulimitsFor({}, undefined)).toEqual({});
});

test("what is asked for is given; unlimited open files are as many as the node can give", () => {
  expect(ulimitsFor({ nofile: 1024, memlock: 0 }, large)).toEqual({ nofile: 1024, memlock: 0 });
  expect(ulimitsFor({ nofile: "unlimited" }, large)).toEqual({ memlock: "unlimited", nofile: 2 ** 30 });
});

test.each<[Ulimits, string[]]>([
  [{ nofile: 20_000, memlock: 8 * 2 ** 20 }, []],
  [{ nofile: 20_001 }, ["nofile 20001 (at most 20000)"]],
  [
    { nofile: "unlimited", memlock: "unlimited" },
    ["memlock unlimited (at most 8MiB)", "nofile unlimited (at most 20000)"],
  ],
])("%j is refused by a small node with %j", (asked, words) => {
  expect(notGiven(asked, small)).toEqual(words);
  expect(givesAll(asked, small)).toBe(words.length === 0);
  expect(notGiven(asked, large)).toEqual([]);
});

test("a node that does not know what its engine can give is asked for nothing", () => {
  expect(notGiven({ memlock: 1 }, undefined)).toEqual(["memlock 1B (what its engine can give is not known)"]);
  expect(givesAll({ memlock: 1 }, undefined)).toBe(false);
  expect(givesAll({}, undefined)).toBe(true);
});

test("of several roles the most counts", () => {
  expect(
    mostUlimits([undefined, { nofile: 5 }, { nofile: 7, memlock: 1 }, { memlock: "unlimited" }]),
  ).toEqual({
    nofile: 7,
    memlock: "unlimited",
  });
  expect(mostUlimits([undefined, {}])).toBeUndefined();
});

test("in words", () => {
  expect(sayUlimits({ nofile: 9, memlock: 65536 })).toBe("memlock 64KiB, nofile 9");
});
