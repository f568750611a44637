import { expect, test } from "vitest";
import { unavailable } from "./unavailable.ts";

const thrown = (message: string, flags: object = {}) => Object.assign(new Error(message), flags);

test.each([
  [
    "a disk that is full",
    thrown("database or disk is full: SQLITE_FULL", { durableObjectReset: true }),
    /space/,
  ],
  [
    "an object that was reset",
    thrown("reset because its code was updated", { durableObjectReset: true }),
    /restart/,
  ],
  ["an object that cannot be opened", thrown("internal error; reference = 4gaob0"), /restart/],
  [
    "an object that has too much to do",
    thrown("Durable Object is overloaded.", { overloaded: true }),
    /restart/,
  ],
])("%s is reported as unavailable for now", (_, error, detail) => {
  const problem = unavailable(error)?.toProblem();
  expect(problem).toMatchObject({ status: 503, code: "unavailable", retryAfter: 5 });
  expect(problem?.detail).toMatch(detail);
});

test.each([
  ["an error of our own code", new TypeError("x is not a function")],
  ["an error thrown in an object", thrown("no such column: internal error", { remote: true })],
  ["a thrown value that is no error", "SQLITE_FULL"],
  ["nothing", undefined],
])("%s is a bug", (_, error) => {
  expect(unavailable(error)).toBeUndefined();
});
