import { execFileSync, spawnSync } from "node:child_process";
import { createPublicKey, sign, verify } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { expect, it } from "vitest";
import { PublicKey } from "../../shared/protocol/assignment.ts";
import { ed25519Line } from "../../shared/ssh/public-key.ts";
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
      expect(said.trim()).toBe(`${ed25519Line(pair.publicKey)} ${comment}`.trim());
    }
  } finally {
    rmSync(dir, { recursive: true });
  }
});

it("gives public keys in the form of our protocol, and of SSH", () => {
  const { publicKey } = makeKeyPair();
  expect(PublicKey.parse(publicKey)).toBe(publicKey);
  expect(ed25519Line(publicKey)).toMatch(/^ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI[A-Za-z0-9+/]{43}$/);
  expect(makeKeyPair().publicKey).not.toBe(publicKey);
});

it("writes Dropbear's format: the type, then seed and point as one string of 64 bytes", () => {
  const pair = makeKeyPair();
  const bytes = dropbearPrivateKey(pair);
  expect(bytes.subarray(0, 19)).toEqual(Buffer.from("\0\0\0\x0bssh-ed25519\0\0\0\x40", "latin1"));
  expect(bytes.length).toBe(19 + 64);
  expect(bytes.subarray(-32)).toEqual(Buffer.from(pair.publicKey, "base64url"));
  const publicKey = createPublicKey({
    format: "jwk",
    key: { kty: "OKP", crv: "Ed25519", x: pair.publicKey },
  });
  expect(verify(null, Buffer.from("x"), publicKey, sign(null, Buffer.from("x"), pair.privateKey))).toBe(true);
});

it("keeps the private half out of JSON and log lines", () => {
  const pair = makeKeyPair();
  const seed = pair.privateKey.export({ format: "jwk" }).d!;
  const hex = Buffer.from(seed, "base64url").toString("hex");
  for (const shown of [JSON.stringify(pair), inspect(pair, { depth: 9 }), String(pair)]) {
    expect(shown).not.toContain(seed);
    expect(shown).not.toContain(hex);
  }
});
