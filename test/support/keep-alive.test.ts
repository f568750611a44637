/** One timer for all links. */
import { expect, test } from "vitest";
import { CONSTANTS } from "../../shared/settings/constants.ts";
import { PingWheel } from "./keep-alive.ts";

function link(heardAt = 0) {
  const counted = {
    heardAt,
    pings: 0,
    cuts: 0,
    ping: () => void counted.pings++,
    cut: () => void counted.cuts++,
  };
  return counted;
}

const TURN = 10 * CONSTANTS.pingSeconds;

test("each link is pinged once per turn, first a whole turn after it was added, until it is removed", () => {
  const wheel = new PingWheel();
  const first = link();
  const takeOff = wheel.add(first);
  wheel.tick(0);
  const second = link();
  wheel.add(second);
  for (let i = 1; i < TURN; i++) wheel.tick(0);
  expect([first.pings, second.pings]).toEqual([1, 0]);
  wheel.tick(0);
  expect([first.pings, second.pings]).toEqual([1, 1]);
  takeOff();
  for (let i = 0; i < TURN; i++) wheel.tick(0);
  expect([first.pings, second.pings]).toEqual([1, 2]);
});

test("a link that is silent for too long is cut within a second, wherever it is on the wheel", () => {
  const wheel = new PingWheel();
  const links = Array.from({ length: 20 }, (_, i) => {
    wheel.tick(0);
    const each = link(i % 2 === 0 ? 0 : 1);
    wheel.add(each);
    return each;
  });
  const late = CONSTANTS.linkDeadSeconds * 1000 + 1;
  for (let i = 0; i < 10; i++) wheel.tick(late);
  expect(links.map(({ cuts }) => cuts)).toEqual(links.map((_, i) => (i % 2 === 0 ? 1 : 0)));
});
