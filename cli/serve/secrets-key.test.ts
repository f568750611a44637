import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { lostKeyText, secretsKeyBeside, secretsKeyIn } from "./secrets-key.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "skein-key-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

describe("the key for secrets", () => {
  test("is made once, for its owner only, and leaves no other file", () => {
    const path = secretsKeyBeside(join(directory, "data"));
    const key = secretsKeyIn(path);
    expect(key).toMatch(/^[\w-]{43}$/);
    expect(secretsKeyIn(path)).toBe(key);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readdirSync(directory)).toEqual(["data.secrets-key"]);
  });

  test("may be the operator's own", () => {
    const path = join(directory, "key");
    writeFileSync(path, `${"k".repeat(44)}\n`);
    expect(secretsKeyIn(path)).toBe("k".repeat(44));
  });

  test("that is too short, or cannot be made, is refused with what to do", () => {
    const path = join(directory, "key");
    writeFileSync(path, "short\n");
    expect(() => secretsKeyIn(path)).toThrow(`${path} holds no key for secrets`);
    expect(readFileSync(path, "utf8")).toBe("short\n");
    mkdirSync(join(directory, "folder"));
    for (const bad of ["folder", "no/such/folder"])
      expect(() => secretsKeyIn(join(directory, bad))).toThrow("the key for secrets cannot be read or made");
  });

  test("that is lost is missed where there is data", () => {
    const path = join(directory, "key");
    expect(lostKeyText(path, false)).toBeUndefined();
    expect(lostKeyText(path, true)).toMatch(/cannot be read any longer$/);
    secretsKeyIn(path);
    expect(lostKeyText(path, true)).toBeUndefined();
  });
});
