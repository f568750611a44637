/** Where the platform fails an object, and not our code: what was asked of it was not written down, and may be asked again. */
import { SkeinError } from "../../shared/errors/errors.ts";

/** Seconds after which it may be worth asking again. */
export const ASK_AGAIN_AFTER = 5;

/**
 * An object whose write fails is reset by the platform, and starts anew with the next call from what it had written before; one whose
 * files cannot be opened is an "internal error" of the platform. Undefined: any other error.
 */
export function unavailable(error: unknown): SkeinError | undefined {
  if (!(error instanceof Error)) return undefined;
  const { message, durableObjectReset, overloaded, retryable } = error as Error & Flags;
  const retryAfter = ASK_AGAIN_AFTER;
  if (/\bSQLITE_FULL\b/.test(message)) {
    return new SkeinError(
      "unavailable",
      "this could not be written down, for there is no space left where the API keeps its data: free some (skein serve: on the disk of --data), then ask again",
      { retryAfter },
    );
  }
  if (!durableObjectReset && !overloaded && !retryable && !/^internal error; reference = /.test(message))
    return undefined;
  return new SkeinError(
    "unavailable",
    "a part of the API could not be reached, or had to start anew: ask again; where that does not help, the API's log says why",
    { retryAfter },
  );
}

/** What the platform says of its own errors. */
interface Flags {
  durableObjectReset?: boolean;
  overloaded?: boolean;
  retryable?: boolean;
}
