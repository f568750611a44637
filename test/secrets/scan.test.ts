import { createPrivateKey, generateKeyPairSync } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { secretsBelow } from "./scan.ts";

const pem = generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "pem" }) as string;
const seed = createPrivateKey(pem).export({ format: "jwk" }).d!;

function found(files: Record<string, string | Buffer>): string[] {
  const dir = mkdtempSync(join(tmpdir(), "skein-secrets-"));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  for (const [path, content] of Object.entries({
    "api/admin-token": "t0p-secret\n",
    "a/node-key.pem": pem,
    "api.secrets-key": "k3y-f0r-secrets\n",
    ...files,
  })) {
    mkdirSync(dirname(join(dir, path)), { recursive: true });
    writeFileSync(join(dir, path), content);
  }
  return secretsBelow(dir);
}

test("secrets in their own files are not reported", () => {
  const image = { "node1/docker/overlay2/1/ssh.so": "-----BEGIN PRIVATE KEY-----" };
  expect(found({ "api.log": "ready", "api/x.sqlite": Buffer.from([0, 1, 255]), ...image })).toEqual([]);
});

test.each([
  ["the admin's token in a log", "asked with t0p-secret", "the secret of api/admin-token"],
  ["the key for secrets", "encrypted with k3y-f0r-secrets", "the secret of api.secrets-key"],
  ["a node's key as JSON", `{"d":"${seed}"}`, "the secret of a/node-key.pem"],
  [
    "a node's key as bytes",
    Buffer.concat([Buffer.from("x"), Buffer.from(seed, "base64url")]),
    "the secret of a/node-key.pem",
  ],
  ["a key of an SSH client", "-----BEGIN OPENSSH PRIVATE KEY-----", "a private key"],
  ["the same without its first line", "b3BlbnNzaC1rZXktdjEAAAAABG5vbmU", "an OpenSSH private key"],
  ["a token", `Bearer skt_${"a".repeat(99)}.${"b".repeat(43)}`, "a token"],
  ["a planted secret", '{"TOKEN":"planted-secret-1"}', "a planted secret"],
  ["a join token", `{"token":"skj_${"a".repeat(43)}"}`, "a join token"],
])("%s is found", (_, content, what) => {
  expect(found({ "some/file": content })).toEqual([`some/file: ${what}`]);
});
