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

test("existing paths may be allowed, also one inside another that is read-only", async () => {
  await check(["data"], ["data/sets", false]);
  await checkAllowed({ ...NOTHING_ALLOWED, devices: ["/dev/null"] }, []);
});

test.each<[string, [string, boolean?][], RegExp]>([
  ["a path that does not exist", [["gone"]], /gone cannot be used: it does not exist/],
  ["the agent's own state", [["state"]], /access to .* whole node/],
  ["a folder inside the agent's state", [["state/keys"]], /access to .* whole node/],
  ["a folder around the agent's state", [["."]], /access to .* whole node/],
  ["a link to the agent's state", [["link"]], /access to .* whole node/],
  ["a folder inside a writable one", [["data", false], ["data/sets"]], /replace that by a link/],
])("%s must not be allowed", async (_, mounts, message) => {
  await expect(check(...mounts)).rejects.toThrow(message);
});

test("a device that does not exist must not be allowed", async () => {
  await expect(checkAllowed({ ...NOTHING_ALLOWED, devices: ["/dev/none"] }, [])).rejects.toThrow(
    /does not exist/,
  );
});
