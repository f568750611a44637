import { mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { keepNewest } from "./bundle.ts";

test("the bundles that were used last are kept", () => {
  const parent = mkdtempSync(join(tmpdir(), "skein-bundles-"));
  onTestFinished(() => rmSync(parent, { recursive: true }));
  for (const [at, name] of ["old", "newest", "oldest", "newer"].entries()) {
    mkdirSync(join(parent, name, "assets"), { recursive: true });
    const used = new Date(Date.UTC(2026, 0, [2, 4, 1, 3][at]));
    utimesSync(join(parent, name), used, used);
  }
  keepNewest(parent, 2);
  expect(readdirSync(parent).sort()).toEqual(["newer", "newest"]);
  keepNewest(parent, 2);
  expect(readdirSync(parent)).toHaveLength(2);
});
