import { describe, expect, test } from "vitest";
import { afterRun, type Run } from "./workerd-restarts.ts";

const killed = (servedMs: number): Run => ({ reason: "workerd ended with SIGKILL", servedMs });
const crowded: Run = {
  reason: "workerd ended with exit code 1 (accept(): Too many open files)",
  servedMs: 50,
};

/** The result of each run: the pause before the next start, or why there is none. */
function follow(runs: readonly Run[]): (number | string)[] {
  let shortRuns = 0;
  return runs.map((run) => {
    const next = afterRun(run, shortRuns);
    if ("giveUp" in next) return next.giveUp;
    shortRuns = next.shortRuns;
    return next.pauseMs;
  });
}

describe("workerd that ends unexpectedly", () => {
  test("is started again at once, as often as it served for 2 s", () => {
    expect(follow(Array(20).fill(killed(2_000)))).toEqual(Array(20).fill(0));
  });

  test("is given up after five short runs in a row, with the reason of the last", () => {
    expect(follow(Array(5).fill(killed(1_999)))).toEqual([
      0,
      100,
      300,
      2_000,
      "workerd ended with SIGKILL; it is start 5 in a row that lasted less than 2 s",
    ]);
  });

  test("counts short runs from zero again after a long one", () => {
    const runs = [0, 0, 0, 0, 5_000, 0, 0, 0, 0].map(killed);
    expect(follow(runs)).toEqual([0, 100, 300, 2_000, 0, 0, 100, 300, 2_000]);
  });

  test("is never given up for too many clients: it pauses for 2 s each time", () => {
    expect(follow(Array(50).fill(crowded)).slice(3)).toEqual(Array(47).fill(2_000));
  });
});
