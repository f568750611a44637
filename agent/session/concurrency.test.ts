import { expect, test } from "vitest";
import { limiter, together } from "./concurrency.ts";

const never = new AbortController().signal;

test("a failure aborts the other jobs, and is thrown once all have ended", async () => {
  const over: string[] = [];
  const jobs = together(["bad", "slow"], never, async (name, signal) => {
    if (name === "bad") throw new Error("bad");
    await new Promise<void>((resolve) => signal.addEventListener("abort", () => setImmediate(resolve)));
    over.push(name);
    throw new Error("told to stop");
  });
  await expect(jobs).rejects.toThrow("bad");
  expect(over).toEqual(["slow"]);
});

test("the reason of the caller's signal is thrown, not the failures that it causes", async () => {
  const abort = new AbortController();
  const jobs = together([1], abort.signal, async (_, signal) => {
    await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
    throw new Error("broken off");
  });
  abort.abort(new Error("superseded"));
  await expect(jobs).rejects.toThrow("superseded");
});

test("at most the given number of jobs run at once, and all of them run", async () => {
  const limit = limiter(3);
  let running = 0;
  let most = 0;
  const jobs = Array.from({ length: 20 }, (_, i) =>
    limit(never, async () => {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setImmediate(resolve));
      running--;
      if (i === 5) throw new Error("one fails");
      return i;
    }),
  );
  const results = await Promise.allSettled(jobs);
  expect(most).toBe(3);
  expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(19);
});

test("a job whose signal aborts before its turn rejects at once, and never runs; the others keep their order", async () => {
  const limit = limiter(1);
  const first = Promise.withResolvers<void>();
  const abort = new AbortController();
  const ran: string[] = [];
  const job = (name: string) => async () => void ran.push(name);
  const running = limit(never, () => first.promise);
  const given = [limit(abort.signal, job("a")), limit(abort.signal, job("b"))];
  const kept = limit(never, job("c"));
  abort.abort(new Error("superseded"));
  for (const each of given) await expect(each).rejects.toThrow("superseded");
  await expect(limit(abort.signal, job("d"))).rejects.toThrow("superseded");
  first.resolve();
  await Promise.all([running, kept]);
  expect(ran).toEqual(["c"]);
});

test("a job that is aborted just when its turn comes gives its place on", async () => {
  const limit = limiter(1);
  const first = Promise.withResolvers<void>();
  const abort = new AbortController();
  const running = limit(never, () => first.promise);
  const late = limit(abort.signal, async () => "ran");
  const next = limit(never, async () => "ran");
  // Runs between the end of the first job and the beginning of the second.
  void first.promise.then(() => abort.abort(new Error("superseded")));
  first.resolve();
  await running;
  await expect(late).rejects.toThrow("superseded");
  await expect(next).resolves.toBe("ran");
});
