import { expect, test } from "vitest";
import { TokenClaims } from "./token.ts";

const claims = { id: "tok_01jd8x0000e0000000000000aa", project: "vision", role: "user", exp: 1 };

test.each([
  ["all of it", {}, true],
  ["another id", { id: "ses_01jd8x0000e0000000000000aa" }, false],
  ["no DNS label", { project: "Vision" }, false],
  ["another role", { role: "root" }, false],
  ["no whole second", { exp: 1.5 }, false],
  ["no end", { exp: undefined }, false],
  ["more", { more: true }, false],
])("claims with %s", (_what, change, good) => {
  expect(TokenClaims.safeParse({ ...claims, ...change }).success).toBe(good);
});
