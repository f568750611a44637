import { expect, test } from "vitest";
import { RecentWays } from "./recent-ways.ts";

const by = (actor: string) => ({ actor, project: "p" });
const MINUTE = 60_000;

test("every exec is new; the same token at the same port is new once in ten minutes", () => {
  const ways = new RecentWays();
  const port = (actor: string, target: string, at: number) =>
    ways.isNew(by(actor), "forwardPort", target, at);
  expect([1, 2].map((at) => ways.isNew(by("a"), "execContainer", "ses_1/main1", at))).toEqual([true, true]);
  expect(port("a", "ses_1/main1:80", 0)).toBe(true);
  for (const at of [1, 5 * MINUTE, 10 * MINUTE - 1]) expect(port("a", "ses_1/main1:80", at)).toBe(false);
  expect(port("b", "ses_1/main1:80", 1)).toBe(true);
  expect(port("a", "ses_1/main1:81", 1)).toBe(true);
  expect(port("a", "ses_1/main1:80", 10 * MINUTE)).toBe(true);
  expect(port("a", "ses_1/main1:80", 11 * MINUTE)).toBe(false);
});

test("memory is bounded: of very many, the oldest are new again", () => {
  const ways = new RecentWays();
  const isNew = (port: number) => ways.isNew(by("a"), "forwardPort", `ses_1/main1:${port}`, 0);
  for (let port = 0; port <= 10_000; port++) expect(isNew(port)).toBe(true);
  expect([isNew(10_000), isNew(0)]).toEqual([false, true]);
});
