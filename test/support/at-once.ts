/** Works on many items, several at once. */

/** Takes the items in order, `most` at once. Rejects with the first failure, and begins no more after it. */
export async function eachAtOnce<T>(
  things: Iterable<T>,
  most: number,
  work: (thing: T) => Promise<unknown>,
): Promise<void> {
  const rest = things[Symbol.iterator]();
  let failed = false;
  const lane = async () => {
    for (let next = rest.next(); !next.done && !failed; next = rest.next()) {
      try {
        await work(next.value);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: most }, lane));
}
