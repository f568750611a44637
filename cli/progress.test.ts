/** Progress where stderr is no terminal. */
import { expect, test } from "vitest";
import type { Session, SkeinEvent } from "../sdk/index.ts";
import { applyEvent } from "./followed-session.ts";
import { inLines } from "./progress.ts";

const TIME = { time: "2026-11-26T12:00:00.000Z", sessionId: "ses_1" };

function session(size: number): Session {
  const containers = Array.from({ length: size }, (_, at) => ({ host: `h${at}`, status: "pending" }));
  return { name: "train", status: "pending", reason: null, containers } as unknown as Session;
}

function container(host: string, status: string, more: object = {}): SkeinEvent {
  const data = { host, node: "gpu-a", status, reason: null, exitCode: null, ...more };
  return { event: "container", id: "1", ...TIME, ...data } as SkeinEvent;
}

function changed(status: string, reason: string | null = null): SkeinEvent {
  return { event: "session", id: "1", ...TIME, name: "train", status, reason, epoch: 1 } as SkeinEvent;
}

/** What is printed; each event comes so many ms after the one before. */
function printed(of: Session, events: SkeinEvent[], ms = 0): string[] {
  const lines: string[] = [];
  let now = 1_000_000;
  const progress = inLines(
    (line) => void lines.push(String(line)),
    () => now,
  );
  progress.update(of);
  for (const event of events) {
    now += ms;
    applyEvent(of, event);
    progress.update(of, event);
  }
  progress.end();
  return lines;
}

test("a line for each change, with its reason", () => {
  expect(
    printed(session(2), [
      changed("pending"),
      changed("preparing"),
      container("h0", "pulling", { reason: "pulling" }),
      container("h0", "exited", { exitCode: 3, reason: "out of memory" }),
      changed("failed", "h0 on gpu-a ended with exit code 3"),
    ]),
  ).toEqual([
    "train is pending",
    "train is preparing",
    "train: h0 on gpu-a is pulling",
    "train: h0 on gpu-a is exited (3): out of memory",
    "train is failed: h0 on gpu-a ended with exit code 3",
  ]);
});

test("the progress of pulls is a line in 5 s", () => {
  const progress = Array.from({ length: 100 }, (_, at) => ({
    ...container("h0", "pulling", { reason: `pulling: ${at}%` }),
    event: "progress",
    id: null,
  })) as SkeinEvent[];
  expect(printed(session(1), progress, 100)).toEqual([
    "train is pending",
    "train: h0 on gpu-a is pulling: 0%",
    "train: h0 on gpu-a is pulling: 50%",
  ]);
});

test("many containers are counted, but one that ended has its line", () => {
  const running = Array.from({ length: 1000 }, (_, at) => container(`h${at}`, "running"));
  expect(printed(session(1000), [...running, container("h7", "exited", { exitCode: 1 })], 6)).toEqual([
    "train is pending",
    "train: 999 pending, 1 running",
    "train: 165 pending, 835 running",
    "train: h7 on gpu-a is exited (1)",
  ]);
});

test("an API that is away is said once, and that it is back", () => {
  const lines: string[] = [];
  const progress = inLines((line) => void lines.push(String(line)));
  progress.connection(true);
  progress.connection(false, "ECONNREFUSED");
  progress.connection(true);
  progress.connection(true);
  expect(lines).toEqual(["no answer from the API (ECONNREFUSED): trying again", "the API answers again"]);
});
