import { describe, expect, test } from "vitest";
import { agentsThatFit, descriptorLimit, fullText, isFull, roomText } from "./descriptors.ts";

const LIMITS = `Limit                     Soft Limit           Hard Limit           Units
Max processes             95000                95000                processes
Max open files            1024                 524288               files
Max locked memory         8388608              8388608              bytes
`;

test("the limit of /proc/PID/limits is the soft one", () => {
  expect(descriptorLimit(LIMITS)).toBe(1024);
  expect(descriptorLimit("")).toBeUndefined();
});

describe("agents that fit", () => {
  test.each([
    [1_000, 285],
    [4_096, 1_786],
    [20_000, 9_500],
    [1_048_576, 508_359],
  ])("%i descriptors have room for %i agents", (limit, agents) => {
    expect(agentsThatFit(limit)).toBe(agents);
  });

  test("are one at least and a million at most: MAX_LINKS takes no other value", () => {
    expect([agentsThatFit(256), agentsThatFit(2 ** 30)]).toEqual([1, 1_000_000]);
  });
});

test("a process counts as full at 80 %, until it falls below 70 %", () => {
  const shares = [79, 80, 75, 70, 69, 75, 80];
  let full = false;
  const seen = shares.map((used) => {
    full = isFull({ used, limit: 100 }, full);
    return full;
  });
  expect(seen).toEqual([false, true, true, true, false, false, true]);
});

describe("the line at the start", () => {
  test.each([
    [undefined, "room for 9,500 agents (20,000 descriptors)"],
    [5_000, "room for 9,500 agents (20,000 descriptors); MAX_LINKS allows 5,000"],
    [9_501, "room for 9,500 agents (20,000 descriptors); MAX_LINKS allows 9,501, more than fit"],
  ])("with MAX_LINKS %s", (maxLinks, line) => {
    expect(roomText(20_000, maxLinks)).toBe(line);
  });
});

test("the warning says how many are in use, and what to do", () => {
  expect(fullText({ used: 16_000, limit: 20_000 })).toMatch(
    /^16,000 of the API's 20,000 file descriptors are in use; .* raise the hard limit/,
  );
});
