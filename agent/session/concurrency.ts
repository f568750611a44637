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

/**
 * How many containers an engine on so many cores makes or starts at once. More only slows each of them down: on two cores, 48 start no sooner
 * 16 at a time than 4 at a time. And an engine carries out whatever it was asked for: these still start after their session was ended.
 */
export function engineParallelism(cpus: number): number {
  return Math.min(Math.max(cpus, 4), 16);
}

/** Runs a job when it is its turn. Rejects with the signal's reason if that aborts before; the job then never runs. */
export type Limit = <T>(signal: AbortSignal, job: () => Promise<T>) => Promise<T>;

/** Runs at most `most` jobs at a time, in the order of the calls. */
export function limiter(most: number): Limit {
  let running = 0;
  const waiting = new Set<() => void>();
  return async (signal, job) => {
    signal.throwIfAborted();
    if (running >= most) await turn(waiting, signal);
    else running++;
    try {
      signal.throwIfAborted();
      return await job();
    } finally {
      // The next waiting job gets this place, so that a new caller cannot take it.
      const [next] = waiting;
      if (next) next();
      else running--;
    }
  };
}

/** Resolves when it is called from `waiting`; leaves it, and rejects, when the signal aborts. */
function turn(waiting: Set<() => void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const go = () => {
      waiting.delete(go);
      signal.removeEventListener("abort", leave);
      resolve();
    };
    const leave = () => {
      waiting.delete(go);
      reject(signal.reason);
    };
    waiting.add(go);
    signal.addEventListener("abort", leave, { once: true });
  });
}
