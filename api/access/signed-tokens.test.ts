/** Signed tokens: which texts the API accepts. */
import { describe, expect, test } from "vitest";
import type { TokenClaims } from "../../shared/access/token.ts";
import { toBase64Url } from "../platform/hash.ts";
import { newId } from "../platform/ids.ts";
import { signToken, verifyToken } from "./signed-tokens.ts";

const ADMIN = "ska_of-this-installation";
const claims: TokenClaims = { id: newId("tok"), project: "vision", role: "user", exp: 2_000_000_000 };
const BEFORE = claims.exp * 1000 - 1;

const token = await signToken(ADMIN, claims);

test("a token gives its signed claims until it expires", async () => {
  expect(await verifyToken(ADMIN, token, BEFORE)).toEqual(claims);
  await expect(verifyToken(ADMIN, token, BEFORE + 1)).rejects.toThrow(
    "this token was good until 2033-05-18T03:33:20.000Z",
  );
});

test("a token is void under another admin token, and valid under ours again", async () => {
  expect(await verifyToken("ska_of-another", token, BEFORE)).toBeUndefined();
  expect(await verifyToken(ADMIN, token, BEFORE)).toEqual(claims);
});

test("a token is void with any one character changed, left out or added", async () => {
  for (let at = 0; at < token.length; at++) {
    const [before, after] = [token.slice(0, at), token.slice(at + 1)];
    for (const other of ["A", "B", "-", "=", ""].filter((each) => each !== token[at])) {
      expect(await verifyToken(ADMIN, before + other + after, BEFORE), `${other} at ${at}`).toBeUndefined();
    }
    expect(
      await verifyToken(ADMIN, `${before} ${token.slice(at)}`, BEFORE),
      `a space at ${at}`,
    ).toBeUndefined();
  }
  for (const end of ["=", "A", ".", "\n"])
    expect(await verifyToken(ADMIN, token + end, BEFORE)).toBeUndefined();
});

test("a token has one spelling: unused bits of the last character must be as encoded", async () => {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  const taken = [];
  for (const last of alphabet)
    if (await verifyToken(ADMIN, token.slice(0, -1) + last, BEFORE)) taken.push(last);
  expect(taken).toEqual([token.at(-1)]);
});

describe("unsigned claims", () => {
  const [signed, signature] = token.split(".") as [string, string];
  const spelled = (value: unknown) => `skt_${toBase64Url(new TextEncoder().encode(JSON.stringify(value)))}`;

  test("a valid token can have this form", () => expect(spelled(claims)).toBe(signed));

  test.each([{ role: "admin" }, { project: "default" }, { exp: claims.exp + 1 }, { id: newId("tok") }])(
    "%j",
    async (change) => {
      expect(
        await verifyToken(ADMIN, `${spelled({ ...claims, ...change })}.${signature}`, BEFORE),
      ).toBeUndefined();
    },
  );
});

test.each([
  { ...claims, role: "root" },
  { ...claims, project: "Not A Label" },
  { ...claims, more: 1 },
  { id: claims.id },
  [],
  "text",
])("signed, but invalid claims: %j", async (other) => {
  expect(await verifyToken(ADMIN, await signToken(ADMIN, other as TokenClaims), BEFORE)).toBeUndefined();
});

test.each(["", "skt_", "skt_.", ".", "skt_a.b", ADMIN, `skt_${"a".repeat(100_000)}.b`, "skt_💥.💥"])(
  "no token at all: %s",
  async (text) => {
    expect(await verifyToken(ADMIN, text, BEFORE)).toBeUndefined();
  },
);
