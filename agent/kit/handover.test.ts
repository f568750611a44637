import { mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { handOver, takeBack } from "./handover.ts";

let self: string;
beforeEach(async () => {
  self = await mkdtemp(join(tmpdir(), "skein-handover-"));
});
afterEach(() => rm(self, { recursive: true }));

test("only root may read the file, and a second one replaces the first", async () => {
  await handOver(self, Buffer.from("first"));
  await handOver(self, Buffer.from("second"));
  expect(await readdir(self)).toEqual(["files.tar"]);
  expect(await readFile(join(self, "files.tar"), "utf8")).toBe("second");
  expect((await stat(join(self, "files.tar"))).mode & 0o777).toBe(0o600);
});

test("nothing is left of it after it was taken back; without a file that is no error", async () => {
  await handOver(self, Buffer.from("files"));
  await takeBack(self);
  expect(await readdir(self)).toEqual([]);
  await takeBack(self);
});
