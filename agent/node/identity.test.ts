import { mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { loadJoined, saveJoined } from "./identity.ts";
import { NodeKeys } from "./node-keys.ts";
import { openState } from "./state-dir.ts";

let dir: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "skein-identity-"));
});

afterEach(() => rm(dir, { recursive: true }));

test("the key is made once, readable for its owner only", async () => {
  const { publicKey } = new NodeKeys(dir);
  expect(new NodeKeys(dir).publicKey).toBe(publicKey);
  expect(publicKey).toMatch(/^[A-Za-z0-9_-]{43}$/);
  expect((await stat(join(dir, "node-key.pem"))).mode & 0o777).toBe(0o600);
});

describe("a key that is being replaced", () => {
  test("stays in use until the API has the new one, which is on disk before, readable for its owner only", async () => {
    const keys = new NodeKeys(dir);
    const old = keys.publicKey;
    const next = keys.begin();
    expect((await stat(join(dir, "node-key.next.pem"))).mode & 0o777).toBe(0o600);
    expect([keys.publicKey, keys.sign("a")]).toEqual([old, new NodeKeys(dir).sign("a")]);
    expect(keys.replaced(old)).toBe(false);
    expect(keys.replaced(next.publicKey)).toBe(true);
    expect([keys.publicKey, keys.sign("a")]).toEqual([next.publicKey, next.sign("a")]);
    expect(new NodeKeys(dir).publicKey).toBe(next.publicKey);
    expect(await readdir(dir)).toEqual(["node-key.pem"]);
  });

  test("opens the link after a crash when the API never got the new one", async () => {
    const old = new NodeKeys(dir).publicKey;
    new NodeKeys(dir).begin();
    const after = new NodeKeys(dir);
    expect(after.publicKey).toBe(old);
    expect(after.accepted()).toBe(false);
    expect(await readdir(dir)).toEqual(["node-key.pem"]);
    expect(after.refused()).toBe(false);
  });

  test("is given up after a crash when the API knows only the new one", async () => {
    const next = new NodeKeys(dir).begin();
    const after = new NodeKeys(dir);
    expect(after.refused()).toBe(true);
    expect([after.publicKey, after.sign("a")]).toEqual([next.publicKey, next.sign("a")]);
    // Not yet, since the API has not confirmed it.
    expect(new NodeKeys(dir).publicKey).not.toBe(next.publicKey);
    expect(after.accepted()).toBe(true);
    expect(new NodeKeys(dir).publicKey).toBe(next.publicKey);
  });

  test("leaves nothing to try when the API refuses both keys", () => {
    new NodeKeys(dir).begin();
    const after = new NodeKeys(dir);
    expect([after.refused(), after.refused()]).toEqual([true, false]);
  });
});

test("the joined fleet is stored; a damaged file is an error, not a new node", async () => {
  expect(await loadJoined(dir)).toBeUndefined();
  const joined = { fleet: "flt_1", node: "node_1", name: "one" };
  await saveJoined(dir, joined);
  expect(await loadJoined(dir)).toEqual(joined);
  await writeFile(join(dir, "identity.json"), '{"fleet":');
  await expect(loadJoined(dir)).rejects.toThrow(/identity.json is damaged/);
});

test("a state directory is readable for its owner only, and locked by one agent at a time", async () => {
  const path = join(dir, "state");
  const held = await openState(path);
  expect((await stat(path)).mode & 0o777).toBe(0o700);
  await expect(openState(path)).rejects.toThrow(/another agent uses/);
  held.release();
  (await openState(path)).release();
});
