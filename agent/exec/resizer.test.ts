import { expect, test } from "vitest";
import { resizer } from "./resizer.ts";

test("while the engine is busy only the newest size waits, and a refusal stops nothing", async () => {
  const asked: string[] = [];
  let answer = Promise.withResolvers<void>();
  const resize = resizer({
    resize(cols, rows) {
      asked.push(`${cols}x${rows}`);
      return answer.promise;
    },
  });
  for (const cols of [80, 81, 82, 83]) resize({ cols, rows: 24 });
  expect(asked).toEqual(["80x24"]);
  const first = answer;
  answer = Promise.withResolvers();
  first.reject(new Error("no such process"));
  await expect.poll(() => asked).toEqual(["80x24", "83x24"]);
  answer.resolve();
  await answer.promise;
  resize({ cols: 100, rows: 30 });
  await expect.poll(() => asked).toEqual(["80x24", "83x24", "100x30"]);
});
