import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { ACCESS, allows, ROLES } from "./access.ts";

test("each role may do what the lesser ones may, and no more", () => {
  expect(ROLES.map((role) => ROLES.map((least) => allows(role, least)))).toEqual([
    [true, false, false],
    [true, true, false],
    [true, true, true],
  ]);
});

test("docs/access.md has every operation with who may do it, and no other", () => {
  const text = readFileSync(new URL("../../docs/access.md", import.meta.url), "utf8");
  const rows = [...text.matchAll(/^\| `(\w+)` \| (\w+) \|/gm)].map(([, operation, least]) => [
    operation,
    least,
  ]);
  expect(rows).toEqual(Object.entries(ACCESS));
});
