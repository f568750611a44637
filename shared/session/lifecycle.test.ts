import { expect, test } from "vitest";
import {
  CONTAINER_STATES,
  maySessionGo,
  SESSION_STATES,
  SESSION_STATUSES,
  type SessionStatus,
} from "./lifecycle.ts";

test("a successful session passes every state except failed", () => {
  const way: SessionStatus[] = ["pending", "preparing", "starting", "running", "terminating", "terminated"];
  way.slice(1).forEach((to, i) => {
    expect([way[i], to, maySessionGo(way[i]!, to)]).toEqual([way[i], to, true]);
  });
});

test("a session goes back only to pending, for a new epoch, and only before it runs", () => {
  const back = SESSION_STATUSES.flatMap((from, at) =>
    SESSION_STATUSES.slice(0, at + 1)
      .filter((to) => maySessionGo(from, to))
      .map((to) => `${from} → ${to}`),
  );
  expect(back).toEqual(["preparing → pending", "starting → pending"]);
});

test("an ended session stays ended, and every other is live", () => {
  for (const status of SESSION_STATUSES) {
    const { next, live } = SESSION_STATES[status];
    expect([status, live]).toEqual([status, next.length > 0]);
  }
});

test("every end goes through terminating", () => {
  for (const from of ["pending", "preparing", "starting", "running"] as const) {
    expect(maySessionGo(from, "terminating")).toBe(true);
    expect(maySessionGo(from, "failed")).toBe(false);
    expect(maySessionGo(from, "terminated")).toBe(false);
  }
});

test("running, terminated and failed are settled", () => {
  expect(SESSION_STATUSES.filter((status) => SESSION_STATES[status].settled)).toEqual([
    "running",
    "terminated",
    "failed",
  ]);
});

test("a container that exited or was lost comes after running and before removed", () => {
  const order = (status: keyof typeof CONTAINER_STATES) => CONTAINER_STATES[status].order;
  expect(order("exited")).toBe(order("lost"));
  expect(order("running")).toBeLessThan(order("exited"));
  expect(order("exited")).toBeLessThan(order("removed"));
});
