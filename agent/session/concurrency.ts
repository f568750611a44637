/** Doing several things at once, and all of them to their end. */

/**
 * Runs all jobs with a signal that is aborted when one of them fails, waits until none runs any more, then throws the first failure.
 * What comes after may so count on nothing being under way.
 */
export async function together<T, R>(
  items: readonly T[],
  signal: AbortSignal,
  job: (item: T, signal: AbortSignal) => Promise<R>,
): Promise<R[]> {
  const failed = new AbortController();
  const both = AbortSignal.any([signal, failed.signal]);
  const results = await Promise.allSettled(
    items.map(async (item) => {
      try {
        return await job(item, both);
      } catch (error) {
        failed.abort(error);
        throw error;
      }
    }),
  );
  signal.throwIfAborted();
  failed.signal.throwIfAborted();
  return results.map((result) => (result as PromiseFulfilledResult<R>).value);
}

/** At most `most` jobs at a time, first come first served. */
export function limiter(most: number): <T>(job: () => Promise<T>) => Promise<T> {
  let running = 0;
  const waiting: (() => void)[] = [];
  return async (job) => {
    if (running >= most) await new Promise<void>((resolve) => waiting.push(resolve));
    else running++;
    try {
      return await job();
    } finally {
      // The place is handed on, so that no newcomer slips in between.
      const next = waiting.shift();
      if (next) next();
      else running--;
    }
  };
}
