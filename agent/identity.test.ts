import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { loadJoined, loadKey, publicKeyOf, saveJoined } from "./identity.ts";
import { openState } from "./state.ts";

let dir: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "skein-identity-"));
});

afterEach(() => rm(dir, { recursive: true }));

test("the key is made once, for its owner's eyes only", async () => {
  const first = publicKeyOf(await loadKey(dir));
  expect(publicKeyOf(await loadKey(dir))).toBe(first);
  expect(first).toMatch(/^[A-Za-z0-9_-]{43}$/);
  expect((await stat(join(dir, "node-key.pem"))).mode & 0o777).toBe(0o600);
});

test("what was joined is remembered; a damaged file is an error, not a new node", async () => {
  expect(await loadJoined(dir)).toBeUndefined();
  const joined = { fleet: "flt_1", node: "node_1", name: "one" };
  await saveJoined(dir, joined);
  expect(await loadJoined(dir)).toEqual(joined);
  await writeFile(join(dir, "identity.json"), '{"fleet":');
  await expect(loadJoined(dir)).rejects.toThrow(/identity.json is damaged/);
});

test("a state directory is its owner's, and one agent's at a time", async () => {
  const path = join(dir, "state");
  const held = await openState(path);
  expect((await stat(path)).mode & 0o777).toBe(0o700);
  await expect(openState(path)).rejects.toThrow(/another agent uses/);
  held.release();
  (await openState(path)).release();
});
