/** The options of the bench. */
import { expect, test } from "vitest";
import { readOptions } from "./options.ts";

test("numbers are whole, and not below their minimum", () => {
  expect(readOptions(["--nodes", "1000", "--waiting", "0"])).toMatchObject({ nodes: 1000, waiting: 0 });
  for (const [name, value] of [
    ["nodes", "9"],
    ["waiting", "-1"],
    ["containers", "many"],
  ]) {
    expect(() => readOptions([`--${name}=${value}`])).toThrow(`--${name} must be a whole number from`);
  }
  expect(readOptions(["--idle", "0.5"]).idleSeconds).toBe(0.5);
  for (const idle of ["0", "long"]) expect(() => readOptions(["--idle", idle])).toThrow("--idle must be");
  expect(() => readOptions(["--node", "5"])).toThrow("--node");
});

test("a thorough run makes enough sessions for a full page of the list", () => {
  const { requests, sessions } = readOptions([]).effort;
  expect(Object.values(sessions).reduce((sum, count) => sum + count, requests)).toBeGreaterThanOrEqual(200);
});
