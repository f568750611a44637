import { execFileSync, spawnSync } from "node:child_process";
import { createPublicKey, sign, verify } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { expect, it } from "vitest";
import { dropbearPrivateKey, makeKeyPair, opensshPrivateKey } from "./ssh-keys.ts";

const hasKeygen = spawnSync("ssh-keygen", ["-?"]).error === undefined;

it.skipIf(!hasKeygen)("writes private keys that ssh-keygen reads, whatever the padding", () => {
  const dir = mkdtempSync(join(tmpdir(), "skein-keys-"));
  try {
    for (const comment of ["", "m", "main1", "main12", "sub1234", "sub12345"]) {
      const pair = makeKeyPair();
      const file = join(dir, `key-${comment}`);
      writeFileSync(file, opensshPrivateKey(pair, comment), { mode: 0o600 });
      const said = execFileSync("ssh-keygen", ["-y", "-f", file], { encoding: "utf8" });
      expect(said.trim()).toBe(`${pair.publicLine} ${comment}`.trim());
    }
  } finally {
    rmSync(dir, { recursive: true });
  }
});

it("writes public keys in the form of the protocol", () => {
  expect(makeKeyPair().publicLine).toMatch(/^ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI[A-Za-z0-9+/]{43}$/);
  expect(makeKeyPair().publicLine).not.toBe(makeKeyPair().publicLine);
});

it("writes Dropbear's form: name, then seed and point as one string of 64 bytes", () => {
  const pair = makeKeyPair();
  const bytes = dropbearPrivateKey(pair);
  expect(bytes.subarray(0, 19)).toEqual(Buffer.from("\0\0\0\x0bssh-ed25519\0\0\0\x40", "latin1"));
  expect(bytes.length).toBe(19 + 64);
  const point = Buffer.from(pair.publicLine.split(" ")[1]!, "base64").subarray(-32);
  expect(bytes.subarray(-32)).toEqual(point);
  const publicKey = createPublicKey({
    format: "jwk",
    key: { kty: "OKP", crv: "Ed25519", x: point.toString("base64url") },
  });
  expect(verify(null, Buffer.from("x"), publicKey, sign(null, Buffer.from("x"), pair.privateKey))).toBe(true);
});

it("shows no private half to a log line", () => {
  const pair = makeKeyPair();
  const seed = pair.privateKey.export({ format: "jwk" }).d!;
  const hex = Buffer.from(seed, "base64url").toString("hex");
  for (const shown of [JSON.stringify(pair), inspect(pair, { depth: 9 }), String(pair)]) {
    expect(shown).not.toContain(seed);
    expect(shown).not.toContain(hex);
  }
});
