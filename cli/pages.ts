/** Reads lists whole, to show them. */

/** The items, in order, at most `most` (1 or more). */
export async function allOf<T>(items: AsyncIterable<T>, most = Number.POSITIVE_INFINITY): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) {
    all.push(item);
    if (all.length >= most) break;
  }
  return all;
}
