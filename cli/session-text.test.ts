import { expect, test } from "vitest";
import type { Session } from "../sdk/index.ts";
import { failureText, summaryText } from "./session-text.ts";

function failed(size: number, troubled: readonly number[]): Session {
  return {
    ...{ id: "ses_1", name: "train", status: "failed", reason: "sub3 on b ended with 1" },
    ...{ clusterMode: "multi-node", clusterSize: size, network: null },
    containers: Array.from({ length: size }, (_, at) => ({
      ...{ host: `h${at}`, node: "b", address: null, status: "removed", exitCode: null },
      reason: troubled.includes(at) ? `why ${at}` : null,
    })),
  } as unknown as Session;
}

const lines = (session: Session) => String(failureText(session)).split("\n");

test("of a few containers all are shown", () => {
  expect(lines(failed(8, [3])).filter((line) => line.startsWith("h"))).toHaveLength(8);
});

test("of many, those with a reason, and how to see the others", () => {
  expect(lines(failed(64, [3, 60]))).toEqual([
    "train (ses_1) is failed: multi-node, 64 containers",
    "sub3 on b ended with 1",
    "",
    "HOST  NODE  ADDRESS  STATUS   REASON",
    "h3    b     -        removed  why 3",
    "h60   b     -        removed  why 60",
    "",
    "62 more containers: skein describe train",
  ]);
});

test("of many with a reason, only some", () => {
  const all = lines(failed(1000, [...Array(1000).keys()]));
  expect(all.filter((line) => line.startsWith("h"))).toHaveLength(8);
  expect(all.at(-1)).toBe("992 more containers: skein describe train");
});

test("the summary of many has a line for each node, and those in trouble", () => {
  const running = failed(20, []);
  const session = {
    ...running,
    status: "running",
    reason: null,
    containers: running.containers.map((each, at) => ({
      ...each,
      node: `n${[2, 10, 1][at % 3]}`,
      status: at === 4 ? "exited" : "running",
      exitCode: at === 4 ? 0 : null,
    })),
  } as Session;
  expect(String(summaryText(session)).split("\n")).toEqual([
    "train (ses_1) is running: multi-node, 20 containers",
    "",
    "NODE  CONTAINERS  HOSTS      STATUS",
    "n1    6           h2 to h17  6 running",
    "n2    7           h0 to h18  7 running",
    "n10   7           h1 to h19  6 running, 1 exited",
    "",
    "HOST  NODE  ADDRESS  STATUS      REASON",
    "h4    n10   -        exited (0)",
    "",
    "all 20 containers: skein describe train --all",
  ]);
});

test("where none has one, the session's own is enough", () => {
  expect(lines(failed(9, [])).slice(2)).toEqual(["", "9 more containers: skein describe train"]);
});
