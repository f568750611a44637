import { expect, test } from "vitest";
import { appHostName, isLoopback, isUnder, readAppHost } from "./app-host.ts";

const session = "ses_01jd8xk3v2e8pbm4q0s6t9r1wz";
const DOMAIN = "apps.example.com";

test("a host's name gives its app and session back, in any case", () => {
  const app = "a".repeat(30);
  const name = appHostName({ app, session }, DOMAIN);
  expect(name.split(".")[0]!.length).toBeLessThanOrEqual(63);
  expect(readAppHost(name, DOMAIN)).toEqual({ app, session });
  expect(readAppHost(name.toUpperCase(), DOMAIN)).toEqual({ app, session });
});

test.each([
  `notebook.${DOMAIN}`,
  `notebook--x.${DOMAIN}`,
  `a.notebook--${session.slice(4)}.${DOMAIN}`,
  DOMAIN,
  `notebook--${session.slice(4)}.evil.com`,
  `notebook--${session.slice(4)}.x${DOMAIN}`,
])("%s is no app's", (name) => expect(readAppHost(name, DOMAIN)).toBeUndefined());

test("addresses and the name of the machine itself are loopback", () => {
  const own = ["localhost", "127.0.0.1", "127.1.2.3", "::1", "[::1]"];
  expect(own.filter(isLoopback)).toEqual(own);
  expect(["0.0.0.0", "128.0.0.1", "127.0.0.1.evil.com", "a.localhost", "::"].filter(isLoopback)).toEqual([]);
});

test("everything under the domain is for apps, and nothing without one", () => {
  expect([`x.${DOMAIN}`, DOMAIN, "example.com"].map((name) => isUnder(name, DOMAIN))).toEqual([
    true,
    false,
    false,
  ]);
  expect(["x.localhost", "x."].map((name) => isUnder(name, ""))).toEqual([false, false]);
});
