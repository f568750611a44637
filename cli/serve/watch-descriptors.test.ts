import { type ChildProcessWithoutNullStreams, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { DescriptorUse } from "./descriptors.ts";
import { watchDescriptors } from "./watch-descriptors.ts";

describe.skipIf(process.platform !== "linux")("a process that is watched", () => {
  let child: ChildProcessWithoutNullStreams;
  const warnings: DescriptorUse[] = [];
  let open: number;
  let looks = 0;
  let unwatch: () => void;

  beforeEach(async () => {
    child = spawn("cat");
    child.stdin.write("awake");
    // After its first output it opens and closes nothing more.
    await once(child.stdout, "data");
    open = readdirSync(`/proc/${child.pid}/fd`).length;
    unwatch = watchDescriptors({
      pid() {
        looks += 1;
        return child.pid!;
      },
      warn: (use) => warnings.push(use),
      everyMs: 5,
    });
  });
  afterEach(() => {
    unwatch();
    child.kill();
  });

  /** Sets its soft limit. Resolves after the next check of the watch. */
  async function limit(descriptors: number): Promise<void> {
    execFileSync("prlimit", ["--pid", String(child.pid), `--nofile=${descriptors}:`]);
    const before = looks;
    await vi.waitUntil(() => looks > before + 2);
  }

  test("causes one warning, and another only after enough were closed", async () => {
    await limit(open * 2);
    expect(warnings).toEqual([]);
    await limit(open);
    expect(warnings).toEqual([{ used: open, limit: open }]);
    await limit(open * 2);
    await limit(open);
    expect(warnings).toHaveLength(2);
  });
});
