import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { downloadsGiven, uploadsGiven } from "./transfers.ts";

test("what stands alone goes to the working directory; the last colon divides", async () => {
  const scratch = await mkdtemp(join(tmpdir(), "skein-transfers-"));
  try {
    expect(await uploadsGiven([scratch, `${scratch}:/data`, `${scratch}:in`])).toEqual([
      { dir: scratch, target: "." },
      { dir: scratch, target: "/data" },
      { dir: scratch, target: "in" },
    ]);
    expect(downloadsGiven(["out", "/a:b:c", "out/.:."])).toEqual([
      { path: "out", dir: "." },
      { path: "/a:b", dir: "c" },
      { path: "out/.", dir: "." },
    ]);
    await writeFile(join(scratch, "file"), "");
    await expect(uploadsGiven([join(scratch, "file")])).rejects.toThrow("is no directory");
    await expect(uploadsGiven([join(scratch, "none")])).rejects.toThrow("there is no");
  } finally {
    await rm(scratch, { recursive: true });
  }
});

test.each(["", ":", "a:", ":b"])("%j is refused", async (given) => {
  expect(() => downloadsGiven([given])).toThrow("must be like FROM:TO");
  await expect(uploadsGiven([given])).rejects.toThrow("must be like FROM:TO");
});
