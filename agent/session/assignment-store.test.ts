import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { SessionKeys } from "../../shared/protocol/assignment.ts";
import { ed25519Line } from "../../shared/ssh/public-key.ts";
import { networkName } from "../docker/docker-names.ts";
import { AssignmentStore, sentAssignmentOf } from "./assignment-store.ts";
import { LAYOUT, PART, sentOf } from "./sent-fixtures.ts";

const owner = { fleet: "flt_1", node: "node_1" };
const key = "A".repeat(43);
const keys: SessionKeys = [["root", key, key]];
const layout = {
  ...LAYOUT,
  roles: [["main", 1] as [string, number]],
  slots: [1],
  members: [["10.64.0.2", 0, 0] as [string, number, 0]],
};
const one = (epoch: number, known?: SessionKeys) => sentAssignmentOf("ses_1", epoch, layout, PART, known);

const USERS = ["a", "b"].map((letter) => ed25519Line(`${letter.repeat(42)}A`));

let dir: string;
const open = () => AssignmentStore.open(dir, owner);
const at = (...names: string[]) => join(dir, networkName(owner, "ses_1"), ...names);

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "skein-assignments-"));
});
afterEach(() => rmSync(dir, { recursive: true }));

test("the next run of the agent finds what was saved, in files for the agent only", async () => {
  const store = await open();
  expect(store.has(one(1))).toBe(false);
  await store.save(one(1));
  expect([store.has(one(1)), store.has(one(1, keys)), store.has(one(2))]).toEqual([true, false, false]);
  await store.save(one(1, keys));
  const next = await open();
  expect(next.held).toEqual([{ session: "ses_1", epoch: 1, keys: true }]);
  expect(await next.load("ses_1")).toEqual(one(1, keys));
  expect(readdirSync(at()).sort()).toEqual(["assignment.json", "keys.json"]);
  for (const name of readdirSync(at())) expect(statSync(at(name)).mode & 0o777).toBe(0o600);
});

test("keys of an earlier epoch do not count for the next one", async () => {
  const store = await open();
  await store.save(one(1, keys));
  await store.save(one(2));
  expect(store.held).toEqual([{ session: "ses_1", epoch: 2, keys: false }]);
  expect(await (await open()).load("ses_1")).toEqual(one(2));
});

test("keys of users stay through all epochs, and are written where there are more", async () => {
  const store = await open();
  const users = (count: number) => ({ ...one(1), sshKeys: USERS.slice(0, count) });
  await store.save(users(1));
  await store.saveSshKeys(users(0));
  expect(readdirSync(at())).toEqual(["assignment.json"]);
  await store.saveSshKeys(users(1));
  await store.saveSshKeys(users(2));
  await store.saveSshKeys(users(1));
  await store.save(one(2));
  const held = [{ session: "ses_1", epoch: 2, keys: false, sshKeys: 2 }];
  expect(store.held).toEqual(held);
  const next = await open();
  expect(next.held).toEqual(held);
  expect((await next.load("ses_1"))?.sshKeys).toEqual(USERS);
  // The API asked for the assignment again, or the session is being removed: hello must not list half of it.
  next.forget("ses_1");
  await next.saveSshKeys(users(2));
  expect(next.held).toEqual([]);
});

test("each file is written once per epoch", async () => {
  const store = await open();
  await store.save(one(1));
  const { ino } = statSync(at("assignment.json"));
  await store.save(one(1, keys));
  await store.save(one(1, keys));
  expect(statSync(at("assignment.json")).ino).toBe(ino);
});

test("fields that another build stored are dropped", async () => {
  const store = await open();
  await store.save(one(1, keys));
  for (const name of ["assignment.json", "keys.json"]) {
    const stored = JSON.parse(readFileSync(at(name), "utf8"));
    const newer = {
      ...stored,
      fromTheFuture: 1,
      ...(stored.layout ? { layout: { ...stored.layout, more: {} } } : {}),
    };
    writeFileSync(at(name), JSON.stringify(newer));
  }
  expect(await (await open()).load("ses_1")).toEqual(one(1, keys));
});

test.each([
  ["is damaged", (text: string) => text.slice(0, -20)],
  ["has no layout", () => '{"session":"ses_1","epoch":1}'],
  ["belongs to another session", (text: string) => text.replace("ses_1", "ses_2")],
  ["has a place outside its layout", (text: string) => text.replace('"place":0', '"place":7')],
])("an assignment that %s is not listed, and so is sent again", async (_, change) => {
  await (await open()).save(one(1, keys));
  writeFileSync(at("assignment.json"), change(readFileSync(at("assignment.json"), "utf8")));
  const store = await open();
  expect(store.held).toEqual([]);
  expect(await store.load("ses_1")).toBeUndefined();
  await store.save(one(1));
  expect(store.held).toEqual([{ session: "ses_1", epoch: 1, keys: false }]);
});

test("hello lists at most 4,096", async () => {
  const store = await open();
  for (let i = 0; i < 4100; i++) await store.save({ ...sentOf(1), session: `ses_${i}` });
  expect(store.held).toHaveLength(4096);
  expect(store.sessions).toHaveLength(4100);
}, 60_000);
