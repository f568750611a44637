import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fromBase64 } from "./base64.ts";
import { ed25519Line, keyProblem, withKeys } from "./public-key.ts";
import { MOST_SSH_KEYS, SshKeys } from "./ssh-schemas.ts";

/** Made with `ssh-keygen -t TYPE`, and thrown away. */
const KEYS = {
  ed25519: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIN2PUjGuWNjmihrhFqiI2ImqaZ1kK8IbnrTCYsgi9FkA me@x",
  nistp256:
    "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBGMrZvL+MEbZxpj4euzo84ogsUemzu4dUvJj3J0uooa+qq+WzBsq+c6MKkfzwTQcl5OZZ10YMjsg0CgUvF/3uo0= me  at x",
  nistp521:
    "ecdsa-sha2-nistp521 AAAAE2VjZHNhLXNoYTItbmlzdHA1MjEAAAAIbmlzdHA1MjEAAACFBACU4u/+DqUuPXDi8tF/bpk0iG1mwaNH4meWCJpyqYu/Iz2W19pOIY3QrNbdoWFnyijOzoNbfK1NBAYDDTi1A/cmIQDHlGe0UGag9nFic2qQrLfotPOWcN47kxBst7bgjMKomaae1IVQoATFyxaMDwOPi2dTDzRbyEdomrFaRfD5bHbZCQ== me@x",
  rsa: "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABgQC2EZmiVpWNnLZ2CQMNgP1jqtxlpWvnKqvt48Ilk3C60EOee5ubVVsxfjsXrOo9dcTUgPMkM6jgOomM1j2cAXeRLVQmU0MtDAEMAr9q7CBH4q9rX4YGpYGqgLFyoZbAzZ5yREENm+B3FpPHl/A5MgOSrP6bso5FgXQ0mDt5f194FD/fPrCQfOjUrecP+e7pd2BONTIAO+BjcHLZ0Nhv0cncGoMyn4NWP7286eQS5n3EoRMRE9PqiYStSYXLjwObsCC+4zJm8bmvJTus0lpNYVdcCEbMT3OqypyEweeuMbFtoJwScfXe1xfMz3/93hQVa9Ocxn1dPFVzGCmdFgUoFMELIcX9GE7Wi/b96VHLVLYFxOtVt6iRy/+LUnFSnk9iTpaI3M6kmv2D+nj0g5eGKHMcOWGrKlMo2B6KT+HjZQkwU1/rQpap6uSi7CJgATr9VPPXJWJYe2jGhnUSxPvvZp1cXVDJ8nc5JxkgS05b1pLJAccf4BF4Jo4WU54Tx6Qg0ZE= me@x",
};
const toBase64 = (bytes: Uint8Array) => Buffer.from(bytes).toString("base64");
const [type, blob] = KEYS.ed25519.split(" ") as [string, string];

test.each(Object.entries(KEYS))("a %s key is taken, also with the end of its line", (_, line) => {
  expect(keyProblem(line)).toBeUndefined();
  expect(keyProblem(`${line}\n`)).toBeUndefined();
  expect(keyProblem(line.split(" ").slice(0, 2).join(" "))).toBeUndefined();
});

describe("refused", () => {
  const changed = (at: number) => {
    const bytes = fromBase64(blob)!;
    bytes[at]! ^= 1;
    return `${type} ${toBase64(bytes)}`;
  };
  test.each([
    ["nothing", "", /must begin with its type/],
    [
      "a private key",
      "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA",
      /is a private key: give the file that ends in .pub/,
    ],
    ["a second line", `${KEYS.ed25519}\ncommand="id" ${KEYS.rsa}`, /one line/],
    ["options", `command="id" ${KEYS.ed25519}`, /options are not taken/],
    ["an option without a value", `no-pty ${KEYS.ed25519}`, /options are not taken/],
    ["a certificate", `ssh-ed25519-cert-v01@openssh.com ${blob}`, /must begin with its type/],
    ["DSA", `ssh-dss ${blob}`, /must begin with its type/],
    ["no key", type, /must have the key in base64/],
    ["no base64", `${type} not-base64`, /must have the key in base64/],
    ["a key that was cut", `${type} ${blob.slice(0, -4)}`, /is not a whole ssh-ed25519 key/],
    ["a key with more behind it", `${type} ${blob}AAAA`, /is not a whole ssh-ed25519 key/],
    ["a key of another type", `ssh-rsa ${blob}`, /is not a whole ssh-rsa key/],
    ["another length inside", changed(3), /is not a whole/],
    ["another type inside", changed(5), /is not a whole/],
  ])("%s", (_, line, problem) => expect(keyProblem(line)).toMatch(problem));

  test("RSA of less than 1,024 bits, which the server would pass over", () => {
    const bytes = [0, 0, 0, 7, ...new TextEncoder().encode("ssh-rsa"), 0, 0, 0, 1, 3, 0, 0, 0, 65, 0];
    const short = toBase64(new Uint8Array([...bytes, ...Array<number>(64).fill(255)]));
    expect(keyProblem(`ssh-rsa ${short}`)).toMatch(/not a whole ssh-rsa key/);
  });

  test("more than a session takes, and lines that are too long", () => {
    expect(SshKeys.safeParse(Array(MOST_SSH_KEYS).fill(KEYS.rsa)).success).toBe(true);
    expect(SshKeys.safeParse(Array(MOST_SSH_KEYS + 1).fill(KEYS.rsa)).success).toBe(false);
    expect(SshKeys.safeParse([`${KEYS.rsa} ${"x".repeat(4096)}`]).success).toBe(false);
  });
});

test("the same key counts once, whatever its comment; the order stays", () => {
  expect(withKeys([KEYS.rsa], [`${type}   ${blob} a  b\n`, KEYS.rsa, `${type} ${blob}`])).toEqual([
    KEYS.rsa,
    `${type} ${blob} a b`,
  ]);
});

test("a key of our protocol becomes the line that OpenSSH writes", () => {
  const ours = (raw: Uint8Array) => Buffer.from(raw).toString("base64url");
  expect(ed25519Line(ours(fromBase64(blob)!.subarray(-32)))).toBe(`${type} ${blob}`);
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (raw) => {
      const line = ed25519Line(ours(raw));
      expect(keyProblem(line)).toBeUndefined();
      expect([...fromBase64(line.split(" ")[1]!)!.subarray(-32)]).toEqual([...raw]);
    }),
  );
});

test("base64 is read as all others write it", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
      expect(fromBase64(toBase64(bytes))).toEqual(bytes);
    }),
  );
});
