import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { needKey, seal, sealedDigest, unseal } from "./seal.ts";

const other = { ...env, SKEIN_SECRETS_KEY: "another key for secrets, of 43 characters or more" };
const bytes = (text: string) => new Uint8Array([...text].map((each) => each.charCodeAt(0)));

describe("what is sealed", () => {
  test("can be opened with the key, and looks different each time", async () => {
    const [one, two] = [await seal(env, "a", "s3cret ö"), await seal(env, "a", "s3cret ö")];
    expect(await unseal(env, "a", one)).toBe("s3cret ö");
    expect(await unseal(env, "a", two)).toBe("s3cret ö");
    expect(one).not.toBe(two);
    expect(one).toMatch(/^v1\.[\w-]{50}$/);
  });

  test.each([
    ["with another key", other, "a", (sealed: string) => sealed],
    ["as something else", env, "b", (sealed: string) => sealed],
    [
      "after a change",
      env,
      "a",
      (sealed: string) => sealed.slice(0, -2) + (sealed.endsWith("AA") ? "BB" : "AA"),
    ],
    ["in part", env, "a", (sealed: string) => sealed.slice(0, 10)],
    ["as another version", env, "a", (sealed: string) => sealed.replace("v1.", "v2.")],
    ["if it is none", env, "a", () => "v1.?"],
  ])("cannot be opened %s", async (_, by, about, change) => {
    const sealed = change(await seal(env, "a", "s3cret"));
    await expect(unseal(by, about, sealed)).rejects.toMatchObject({ name: "SealBroken" });
  });
});

test.each([undefined, null, "", "short"])("an API whose key is %j stores no secret", async (key) => {
  const without = { ...env, SKEIN_SECRETS_KEY: key as string };
  for (const work of [needKey(without), seal(without, "a", "s"), unseal(without, "a", "v1.")])
    await expect(work).rejects.toMatchObject({ code: "secrets_key_missing" });
});

test("a digest needs the key", async () => {
  const digest = await sealedDigest(env, bytes("s3cret"));
  expect(await sealedDigest(env, bytes("s3cret"))).toBe(digest);
  expect(await sealedDigest(env, bytes("S3cret"))).not.toBe(digest);
  expect(await sealedDigest(other, bytes("s3cret"))).not.toBe(digest);
});
