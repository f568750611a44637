/** A container's files on their way into it. */
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

test("only root may read what is handed over, and the later one counts", async () => {
  await handOver(self, Buffer.from("first"));
  await handOver(self, Buffer.from("second"));
  expect(await readdir(self)).toEqual(["files.tar"]);
  expect(await readFile(join(self, "files.tar"), "utf8")).toBe("second");
  expect((await stat(join(self, "files.tar"))).mode & 0o777).toBe(0o600);
});

test("taken back, nothing is left of it; also where nothing was handed over", async () => {
  await handOver(self, Buffer.from("files"));
  await takeBack(self);
  expect(await readdir(self)).toEqual([]);
  await takeBack(self);
});
