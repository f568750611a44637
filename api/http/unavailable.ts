/** Failures of the platform rather than of our code: the object stored nothing, so the client may retry. */
import { SkeinError } from "../../shared/errors/errors.ts";

/** Seconds after which a retry may succeed. */
export const ASK_AGAIN_AFTER = 5;

/**
 * The platform resets an object whose write fails; with the next call it restarts from what it had stored. If it cannot open an object's
 * files, it reports an "internal error". Undefined: any other error.
 */
export function unavailable(error: unknown): SkeinError | undefined {
  if (!(error instanceof Error)) return undefined;
  const { message, durableObjectReset, overloaded, retryable } = error as Error & Flags;
  const retryAfter = ASK_AGAIN_AFTER;
  if (/\bSQLITE_FULL\b/.test(message)) {
    return new SkeinError(
      "unavailable",
      "the API could not store this, because its disk has no space left: free some (skein serve: on the disk of --data), then retry",
      { retryAfter },
    );
  }
  if (!durableObjectReset && !overloaded && !retryable && !/^internal error; reference = /.test(message))
    return undefined;
  return new SkeinError(
    "unavailable",
    "a part of the API could not be reached, or had to restart: retry; if that does not help, the API's log says why",
    { retryAfter },
  );
}

/** Messages of the platform's own errors. */
interface Flags {
  durableObjectReset?: boolean;
  overloaded?: boolean;
  retryable?: boolean;
}
