/** Runs several jobs at once. */

/**
 * Runs all jobs, and aborts the others when one fails. Waits until all have ended, then throws the first failure: after this call no job is
 * running any longer.
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

/** Runs at most `most` jobs at a time, in the order of the calls. */
export function limiter(most: number): <T>(job: () => Promise<T>) => Promise<T> {
  let running = 0;
  const waiting: (() => void)[] = [];
  return async (job) => {
    if (running >= most) await new Promise<void>((resolve) => waiting.push(resolve));
    else running++;
    try {
      return await job();
    } finally {
      // The next waiting job gets this place, so that a new caller cannot take it.
      const next = waiting.shift();
      if (next) next();
      else running--;
    }
  };
}
