import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, expect, test } from "vitest";
import { expectCall } from "./call.ts";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "skein-self-"));
});
afterEach(() => rmSync(dir, { recursive: true }));

/** As a program in the container, which sees the folder at a short path. */
function call(name: string): Socket {
  return connect({ path: join(dir, name), allowHalfOpen: true });
}

test("any user may call, once; then the socket's file is gone", async () => {
  const expected = await expectCall(dir);
  expect(statSync(join(dir, expected.name)).mode & 0o777).toBe(0o666);
  const caller = call(expected.name);
  const taken = await expected.taken;
  await expect.poll(() => readdirSync(dir)).toEqual([]);
  caller.end("hello");
  expect(await text(taken)).toBe("hello");
  taken.end("and back");
  expect(await text(caller)).toBe("and back");
});

test("the first caller counts", async () => {
  const expected = await expectCall(dir);
  const callers = [call(expected.name), call(expected.name)];
  const heard: string[] = ["", ""];
  for (const [i, caller] of callers.entries())
    caller
      .on("data", (bytes) => {
        heard[i] = `${heard[i]}${bytes}`;
      })
      .on("error", () => {});
  const taken = await expected.taken;
  taken.write("x");
  await expect.poll(() => callers.map(({ destroyed }) => destroyed).sort()).toEqual([false, true]);
  taken.end("y");
  await expect.poll(() => heard.toSorted()).toEqual(["", "xy"]);
});

test("a call that is given up takes nobody, and leaves nothing", async () => {
  const expected = await expectCall(dir);
  expected.giveUp(new Error("too late"));
  await expect(expected.taken).rejects.toThrow("too late");
  await expect(once(call(expected.name), "connect")).rejects.toThrow("ENOENT");
  expect(readdirSync(dir)).toEqual([]);
});

test("a folder may have a path that is too long for a socket", async () => {
  const deep = join(dir, "d".repeat(100), "e".repeat(100));
  mkdirSync(deep, { recursive: true });
  const expected = await expectCall(deep);
  expect(existsSync(join(deep, expected.name))).toBe(true);
  expected.giveUp(new Error("done"));
});

test("sockets of an agent that was killed are removed, and nothing else", async () => {
  writeFileSync(join(dir, "call-0123456789ab-x"), "");
  writeFileSync(join(dir, "gate"), "\n");
  const [one, two] = [await expectCall(dir), await expectCall(dir)];
  expect(readdirSync(dir).sort()).toEqual([one.name, two.name, "gate"].sort());
  for (const each of [one, two]) each.giveUp(new Error("done"));
});
