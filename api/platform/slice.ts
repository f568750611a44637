/** Slices of lists that Fleet stores. */

/** A slice of a list, newest first; `next`: the `before` of the following slice. */
export interface Slice<T> {
  items: T[];
  next: number | null;
}

export interface SliceRequest {
  before: number;
  limit: number;
}

/** `rows` may have one row beyond `limit`, which shows that there is more. */
export function sliceOf<R extends { seq: number }, T>(
  rows: R[],
  limit: number,
  item: (row: R) => T,
): Slice<T> {
  const page = rows.slice(0, limit);
  return { items: page.map(item), next: rows.length > limit ? page.at(-1)!.seq : null };
}
