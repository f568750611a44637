/** Merges log records of several sources by time. Pure. */

/** One source: its records come in the order of their times. */
export interface RecordSource<R> {
  /** The record that is next; undefined: there is none now. */
  head(): R | undefined;
  /** Removes the head. */
  shift(): void;
  /** It may still have records that are older than what others have: it has neither sent all that was there, nor ended. */
  isBehind(): boolean;
}

/**
 * The source whose head is next; undefined while there is none. A source that is behind and has no head holds back the others. Of sources that
 * follow live, whoever has a record is next, since waiting for the quiet ones would hold back everything.
 */
export function nextSource<R extends { time: bigint }, S extends RecordSource<R>>(
  sources: readonly S[],
): S | undefined {
  let next: S | undefined;
  for (const source of sources) {
    const head = source.head();
    if (head === undefined) {
      if (source.isBehind()) return undefined;
    } else if (next === undefined || head.time < next.head()!.time) next = source;
  }
  return next;
}
