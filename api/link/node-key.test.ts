/** Keys under which anybody can sign anything: the API accepts none of them. */
import { reset } from "cloudflare:test";
import { afterEach, expect, test } from "vitest";
import { toBase64Url } from "../platform/hash.ts";
import { call, problem } from "../testing/call-api.ts";
import { joinToken, newKeys, nodeFacts, publicKeyOf } from "../testing/fake-agent.ts";
import { importNodeKey, proves } from "./node-key.ts";

afterEach(() => reset());

const P = 2n ** 255n - 19n;
/** The y of each point whose order divides 8, and what is the same modulo p (RFC 8032, 5.1.2: the least significant byte first). */
const EIGHTH = 0x5fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826n;
const ys = [0n, 1n, EIGHTH, P - EIGHTH, P - 1n, P, P + 1n];
const encoded = (y: bigint, sign: number) => {
  const bytes = Uint8Array.from({ length: 32 }, (_, at) => Number((y >> BigInt(8 * at)) & 255n));
  bytes[31]! |= sign << 7;
  return toBase64Url(bytes);
};
const weak = ys.flatMap((y) => [encoded(y, 0), encoded(y, 1)]);
/** R is the neutral element, S is 0: valid for every text under the neutral element, and sometimes under the others. */
const signature = toBase64Url(Uint8Array.from({ length: 64 }, (_, at) => (at === 0 ? 1 : 0)));

test("such signatures are valid according to the platform", async () => {
  const raw = Uint8Array.from({ length: 32 }, (_, at) => (at === 0 ? 1 : 0));
  const key = await crypto.subtle.importKey("raw", raw, "Ed25519", false, ["verify"]);
  const bytes = Uint8Array.from({ length: 64 }, (_, at) => (at === 0 ? 1 : 0));
  expect(await crypto.subtle.verify("Ed25519", key, bytes, new TextEncoder().encode("anything"))).toBe(true);
});

test.each(weak)("%s proves nothing", async (publicKey) => {
  await expect(importNodeKey(publicKey)).rejects.toThrow();
  for (let nonce = 0; nonce < 16; nonce++) {
    const asked = { fleet: "flt_1", node: "node_1", nonce: String(nonce), publicKey };
    expect(await proves(asked, signature)).toBe(false);
  }
});

test("no node joins with one; the same token works with another key", async () => {
  const body = { joinToken: await joinToken(), name: "weak", ...nodeFacts() };
  for (const publicKey of [weak[0]!, weak[2]!, weak[5]!]) {
    expect(problem(await call("POST", "/v1/agents", { ...body, publicKey }))).toEqual([
      ...[400, "invalid_request", ["publicKey"]],
    ]);
  }
  const publicKey = await publicKeyOf(await newKeys());
  expect((await call("POST", "/v1/agents", { ...body, publicKey })).status).toBe(201);
});
