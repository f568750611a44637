import { mkdir, mkdtemp, realpath, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { NOTHING_ALLOWED } from "../../shared/request/allowed.ts";
import { checkAllowed } from "./check-allowed.ts";

let top: string;
const at = (path: string) => join(top, path);
beforeAll(async () => {
  top = await realpath(await mkdtemp(join(tmpdir(), "skein-allowed-")));
  await mkdir(at("state/keys"), { recursive: true });
  await mkdir(at("data/sets"), { recursive: true });
  await symlink(at("state"), at("link"));
});
afterAll(() => rm(top, { recursive: true }));

const check = (...mounts: [path: string, readOnly?: boolean][]) =>
  checkAllowed(
    { ...NOTHING_ALLOWED, mounts: mounts.map(([path, readOnly = true]) => ({ source: at(path), readOnly })) },
    [at("state"), at("no/such/socket")],
  );

test("what is there may be allowed, one within another too where nobody writes", async () => {
  await check(["data"], ["data/sets", false]);
  await checkAllowed({ ...NOTHING_ALLOWED, devices: ["/dev/null"] }, []);
});

test.each<[string, [string, boolean?][], RegExp]>([
  ["a path that is not there", [["gone"]], /gone cannot be used: it is not there/],
  ["the agent's own state", [["state"]], /the way to the whole node/],
  ["a part of it", [["state/keys"]], /the way to the whole node/],
  ["what holds it", [["."]], /the way to the whole node/],
  ["a link to it", [["link"]], /the way to the whole node/],
  ["a folder within one that may be written to", [["data", false], ["data/sets"]], /could put a link/],
])("%s may not", async (_, mounts, message) => {
  await expect(check(...mounts)).rejects.toThrow(message);
});

test("nor a device that is not there", async () => {
  await expect(checkAllowed({ ...NOTHING_ALLOWED, devices: ["/dev/none"] }, [])).rejects.toThrow(/not there/);
});
