import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { letIn } from "./users-keys.ts";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "skein-users-"));
});
afterEach(() => rmSync(dir, { recursive: true }));

test("every user of the container can read the file, whatever the umask; the latest list counts", async () => {
  const before = process.umask(0o077);
  await letIn(dir, ["ssh-ed25519 AAAA anna"]).finally(() => process.umask(before));
  expect(statSync(join(dir, "authorized_keys")).mode & 0o777).toBe(0o644);
  await letIn(dir, ["ssh-ed25519 AAAA anna", "ssh-rsa BBBB"]);
  expect(readFileSync(join(dir, "authorized_keys"), "utf8")).toBe("ssh-ed25519 AAAA anna\nssh-rsa BBBB\n");
});

test("without keys there is no file", async () => {
  await letIn(dir, []);
  expect(readdirSync(dir)).toEqual([]);
});
