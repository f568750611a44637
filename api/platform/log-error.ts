/** The API's log: one entry on stderr for each failure that no answer shows whole. Names and messages in it come from anybody, so it is cleaned. */
import { cleanBlock } from "../../shared/text/clean.ts";

/** `what` says what could not be done, and what follows from it. An `error` brings its stack. */
export function logError(what: string, error: unknown): void {
  console.error(cleanBlock(`${what} ${textOf(error)}`));
}

function textOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const text = error.stack ?? String(error);
  return error.cause === undefined ? text : `${text}\ncaused by: ${textOf(error.cause)}`;
}
