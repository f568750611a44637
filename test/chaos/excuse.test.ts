import { expect, test } from "vitest";
import type { Session } from "../../sdk/index.ts";
import { doubt, excuse, type Sighting } from "./excuse.ts";

const PROVEN = Date.parse("2026-01-01T00:00:10Z");
const NOW = PROVEN + 60_000;
const UP: Sighting = { id: "a", up: true, startedAt: PROVEN - 2_000 };

function doubtOf(status: string, seen?: Partial<Sighting>, reason: string | null = null) {
  const container = { host: "sub1", status, containerId: "a", reason } as Session["containers"][number];
  const sightings = new Map(seen ? [["a", { ...UP, ...seen }]] : []);
  const startedAt = new Date(PROVEN).toISOString();
  return doubt({ status: "running", reason: null, startedAt, containers: [container] }, sightings, NOW);
}

test.each([
  ["one that is up", doubtOf("running", {}), undefined],
  ["one that has ended, and is reported as such", doubtOf("exited", { up: false }), undefined],
  ["one that was proven just now", doubtOf("running", { startedAt: PROVEN }), undefined],
  ["one that restarted a while ago", doubtOf("running", { startedAt: NOW - 5_000 }), undefined],
  ["one that has ended", doubtOf("running", { up: false }), "sub1 is running, and not up by its engine"],
  ["one that is gone", doubtOf("running"), "sub1 is running, and not up by its engine"],
  ["one that is up after all", doubtOf("exited", {}), "sub1 is exited, and up by its engine"],
  [
    "one that waits",
    doubtOf("running", {}, "restart 1 of 5 in 2 s; x"),
    "sub1 waits: restart 1 of 5 in 2 s; x",
  ],
  ["one just started again", doubtOf("running", { startedAt: NOW - 1 }), "sub1 was started again just now"],
])("the engine decides whether a session can be tried: %s", (_, said, expected) => {
  expect(said).toBe(expected);
});

test.each([
  ["up all the time", UP, undefined],
  ["gone", undefined, "it ended"],
  ["over", { ...UP, up: false }, "it ended"],
  ["up, but not since before", { ...UP, startedAt: NOW }, "it was started again"],
])("a trial that fails counts, unless the container was down for a part of it: %s", (_, after, expected) => {
  expect(excuse(UP, after)).toBe(expected);
});
