import { spawn } from "node:child_process";
import { once } from "node:events";
import { constants } from "node:fs";
import { lstat, mkdtemp, open, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, expect, it } from "vitest";
import { makeGate, openGate } from "./gate.ts";

let parent: string;
let self: string;

beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), "skein-gate-"));
  self = join(parent, "self");
});
afterEach(() => rm(parent, { recursive: true }));

/** Does what `start` does, and says when it has passed. */
function waiter() {
  return spawn("sh", ["-c", 'echo waiting; IFS= read -r _ <"$0/gate" && echo passed', self]);
}

it("holds a container until it opens", async () => {
  await makeGate(self);
  const early = waiter();
  const said = text(early.stdout);
  await once(early.stdout, "data");
  expect(early.exitCode).toBe(null);
  await openGate(self);
  expect(await said).toBe("waiting\npassed\n");
});

it("lets a container pass that arrives while it opens", async () => {
  for (let round = 0; round < 20; round++) {
    await rm(self, { recursive: true, force: true });
    await makeGate(self);
    const late = waiter();
    const said = text(late.stdout);
    await openGate(self);
    expect(await said).toBe("waiting\npassed\n");
  }
});

it("opens without delay when a container has filled the pipe", async () => {
  await makeGate(self);
  const pipe = await open(join(self, "gate"), constants.O_RDWR | constants.O_NONBLOCK);
  const fill = async () => {
    for (;;) await pipe.write("x".repeat(4096));
  };
  await expect(fill()).rejects.toThrow(/EAGAIN/);
  await openGate(self);
  expect((await lstat(join(self, "gate"))).isFile()).toBe(true);
  await pipe.close();
});

it("lets later starts pass, and stays open when made or opened again", async () => {
  await makeGate(self);
  await openGate(self);
  await openGate(self);
  await makeGate(self);
  expect(await readFile(join(self, "gate"), "utf8")).toBe("\n");
  expect(await text(waiter().stdout)).toBe("waiting\npassed\n");
});

it("is readable for any user of the container", async () => {
  await makeGate(self);
  expect((await lstat(self)).mode & 0o777).toBe(0o755);
  expect((await lstat(join(self, "gate"))).mode & 0o777).toBe(0o644);
});
