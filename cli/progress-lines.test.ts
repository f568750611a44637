/** Progress on screens of several sizes. */
import { describe, expect, test } from "vitest";
import type { Session } from "../sdk/index.ts";
import { progressLines } from "./progress-lines.ts";

type Container = Session["containers"][number];

function session(containers: Partial<Container>[], more: Partial<Session> = {}): Session {
  return {
    id: "ses_1",
    name: "train",
    status: "preparing",
    reason: null,
    clusterMode: "multi-node",
    clusterSize: containers.length,
    epoch: 1,
    network: null,
    apps: [],
    createdAt: "",
    startedAt: null,
    endedAt: null,
    exitCode: null,
    ...more,
    containers: containers.map((each, rank) => ({
      host: rank === 0 ? "main1" : `sub${rank}`,
      role: "main",
      index: 1,
      rank,
      nodeId: null,
      node: `gpu-${rank % 3}`,
      address: null,
      image: "a",
      limits: null,
      status: "running",
      ssh: null,
      containerId: null,
      exitCode: null,
      output: null,
      reason: null,
      ...each,
    })),
  };
}

const WIDE = { columns: 80, rows: 24 };
const LONG = `cannot be made: ${"x".repeat(200)}: no space left on device`;

function many(count: number, troubled: number): Session {
  const containers = Array.from(
    { length: count },
    (_, at): Partial<Container> => (at < troubled ? { status: "started", reason: `why ${at}` } : {}),
  );
  return session(containers, { status: "starting" });
}

test("a line for each container, with its place, its state and how far its image is", () => {
  const now = session([
    { status: "prepared" },
    { status: "pulling", reason: "pulling: 40%" },
    { status: "pulling", reason: "pulling" },
    { status: "exited", exitCode: 3, reason: "out of memory" },
    { status: "pending", node: null },
  ]);
  expect(progressLines(now, undefined, WIDE)).toEqual([
    "train is preparing",
    "  main1  gpu-0  prepared",
    "  sub1   gpu-1  pulling     40%",
    "  sub2   gpu-2  pulling",
    "  sub3   gpu-0  exited (3)  out of memory",
    "  sub4   -      pending",
  ]);
});

test("a long reason loses its middle, never its cause", () => {
  const [, line] = progressLines(session([{ status: "started", reason: LONG }]), undefined, WIDE);
  expect(line).toHaveLength(80);
  expect(line).toMatch(/^ {2}main1 {2}gpu-0 {2}started {2}cannot be made: x+…x+: no space left on device$/);
});

test("what a session waits for is wrapped, and cut in the middle only when it is very long", () => {
  const reason = "waits for room: no node has 4 GPUs free, of 3 nodes that are ready";
  expect(
    progressLines(session([], { status: "pending", reason }), undefined, { columns: 40, rows: 24 }),
  ).toEqual(["train is pending: waits for room: no", "node has 4 GPUs free, of 3 nodes that", "are ready"]);
  const long = progressLines(session([], { status: "failed", reason: LONG.repeat(9) }), undefined, WIDE);
  expect(long).toHaveLength(4);
  expect(long.at(-1)).toMatch(/…x+: no space left on device$/);
});

describe("with more containers than rows", () => {
  test("a line for each status, and those in trouble", () => {
    expect(progressLines(many(1000, 2), undefined, WIDE)).toEqual([
      "train is starting",
      "     2 started",
      "   998 running",
      "  main1  gpu-0  started  why 0",
      "  sub1   gpu-1  started  why 1",
    ]);
  });

  test("as many of those in trouble as there is room, and how many more there are", () => {
    const lines = progressLines(many(1000, 50), "ECONNREFUSED", { columns: 80, rows: 8 });
    expect(lines).toEqual([
      "train is starting",
      "    50 started",
      "   950 running",
      "  main1  gpu-0  started  why 0",
      "  sub1   gpu-1  started  why 1",
      "  sub2   gpu-2  started  why 2",
      "  … and 47 more with a reason",
      "no answer from the API (ECONNREFUSED): trying again",
    ]);
  });
});

test("nothing is wider or higher than the screen, however small", () => {
  const wide = [{ reason: LONG, node: "n".repeat(63) }, { status: "lost" as const, reason: LONG }, {}];
  for (const columns of [1, 5, 20, 40, 79, 200]) {
    for (const rows of [1, 2, 3, 5, 30]) {
      for (const now of [session(wide, { reason: LONG }), many(300, 40)]) {
        const lines = progressLines(now, "ECONNREFUSED", { columns, rows });
        expect(lines.length).toBeLessThanOrEqual(rows);
        for (const line of lines) expect(line.length).toBeLessThanOrEqual(columns);
      }
    }
  }
});
