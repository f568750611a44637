/** A part of a list that Fleet keeps. */

/** A slice of a list, newest first; `next` is what to ask for as `before` to get the following one. */
export interface Slice<T> {
  items: T[];
  next: number | null;
}

export interface SliceRequest {
  before: number;
  limit: number;
}

/** `rows` are at most one more than `limit`: that one says that there is more. */
export function sliceOf<R extends { seq: number }, T>(
  rows: R[],
  limit: number,
  item: (row: R) => T,
): Slice<T> {
  const page = rows.slice(0, limit);
  return { items: page.map(item), next: rows.length > limit ? page.at(-1)!.seq : null };
}
