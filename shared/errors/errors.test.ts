import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { ERRORS, fieldPath, invalidFields, SkeinError } from "./errors.ts";
import { ProblemView } from "./problem-schema.ts";

test("an error becomes the problem of its code", () => {
  const problem = new SkeinError("unschedulable", "no room", {
    nodes: [{ node: "a", reason: "cordoned" }],
  }).toProblem();
  expect(problem).toEqual({
    type: "urn:skein:error:unschedulable",
    title: "The fleet cannot hold this session",
    status: 409,
    code: "unschedulable",
    detail: "no room",
    nodes: [{ node: "a", reason: "cordoned" }],
  });
  expect(ProblemView.parse(problem)).toEqual(problem);
});

test("bad fields: `detail` has the first, `errors` has all", () => {
  const errors = [
    { field: "name", message: "is wrong" },
    { field: "image", message: "is needed" },
  ];
  expect(invalidFields(errors).toProblem()).toMatchObject({ status: 400, detail: "name: is wrong", errors });
  expect(invalidFields([{ field: "", message: "must be an object" }]).message).toBe(
    "body: must be an object",
  );
});

test("fields are named as in the request", () => {
  expect(fieldPath(["roles", 1, "env", "A"])).toBe("roles[1].env.A");
  expect(fieldPath(["env", "a.b c"])).toBe('env["a.b c"]');
  expect(fieldPath([])).toBe("");
  expect(fieldPath(["env", "x".repeat(65)])).toBe(`env.${"x".repeat(63)}…`);
});

test("docs/errors.md has every code with its status and title, and no other", () => {
  const text = readFileSync(new URL("../../docs/errors.md", import.meta.url), "utf8");
  const rows = [...text.matchAll(/^\| `(\w+)` \| (\d{3}) \| ([^|]+) \|/gm)].map(([, code, status, title]) => [
    code,
    Number(status),
    title,
  ]);
  expect(rows).toEqual(Object.entries(ERRORS).map(([code, { status, title }]) => [code, status, title]));
});
