/** A short soak run; `npm run soak` makes longer ones. */
import { expect, onTestFinished, test } from "vitest";
import { simulatedField } from "./field.ts";
import { soak } from "./run.ts";

test.skipIf(process.platform !== "linux")(
  "streams one after another, 200 at once and readers that stop leave no memory and no descriptor behind",
  async () => {
    const field = await simulatedField();
    onTestFinished(() => field.close());
    const { problems, rows, streams } = await soak(field, {
      ...{ streams: 40, everyMs: 20, atOnce: 200, stalled: [8], bytes: 20_000, settleMs: 3_000 },
      say: () => {},
    });
    expect(problems).toEqual([]);
    expect(streams).toBe(240);
    expect(rows.length).toBeGreaterThan(0);
  },
  120_000,
);
