/** The count of links and of connecting agents, by itself. */
import { afterEach, expect, test, vi } from "vitest";
import { dialBegins, greetingBegins, isBusyGreeting, isFull, noteLinks, openLinks } from "./open-links.ts";

afterEach(() => {
  vi.useRealTimers();
});

test("links are counted over all Link objects, each as it counted last", () => {
  noteLinks("a", 3);
  noteLinks("b", 4);
  noteLinks("a", 1);
  expect(openLinks()).toBe(5);
});

test("a dial takes its place before its Link has counted it, until it arrives or ten seconds have passed", () => {
  const room = openLinks() + 2;
  const arrived = dialBegins();
  expect(isFull(room)).toBe(false);
  dialBegins();
  expect(isFull(room)).toBe(true);
  arrived();
  expect(isFull(room)).toBe(false);
  expect(isFull(room - 1)).toBe(true);
  vi.setSystemTime(Date.now() + 11_000);
  expect(isFull(room - 1)).toBe(false);
});

test("256 agents may connect at once; one that is connected, or gone, makes room for the next", () => {
  const answered = Array.from({ length: 255 }, greetingBegins);
  expect(isBusyGreeting()).toBe(false);
  answered.push(greetingBegins());
  expect(isBusyGreeting()).toBe(true);
  answered[100]!();
  // Its link may end later, and still counts once.
  answered[100]!();
  expect(isBusyGreeting()).toBe(false);
  answered.push(greetingBegins());
  expect(isBusyGreeting()).toBe(true);
  for (const answer of answered) answer();
  expect(isBusyGreeting()).toBe(false);
});

test("an agent that has dialled and sends nothing holds up others for ten seconds", () => {
  for (let i = 0; i < 256; i++) greetingBegins();
  expect(isBusyGreeting()).toBe(true);
  vi.setSystemTime(Date.now() + 9000);
  expect(isBusyGreeting()).toBe(true);
  vi.setSystemTime(Date.now() + 2000);
  expect(isBusyGreeting()).toBe(false);
});
