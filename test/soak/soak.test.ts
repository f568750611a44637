/** A short soak run; `npm run soak:streams` makes longer ones. */
import { expect, onTestFinished, test } from "vitest";
import { simulatedField } from "./field.ts";
import { soak } from "./run.ts";

test.skipIf(process.platform !== "linux")(
  "streams one after another, 200 at once and readers that stop leave no memory and no descriptor behind",
  async () => {
    const field = await simulatedField();
    onTestFinished(() => field.close());
    const short = { everyMs: 20, atOnce: 200, stalled: [8], bytes: 20_000, say: () => {} };
    // workerd keeps the memory that its first streams took. What comes after them may take no more.
    await soak(field, { ...short, streams: 5, settleMs: 0 });
    const { problems, rows, streams } = await soak(field, { ...short, streams: 40, settleMs: 3_000 });
    expect(problems).toEqual([]);
    expect(streams).toBe(240);
    expect(rows.length).toBeGreaterThan(0);
  },
  120_000,
);
