/** Reads lists page by page, to show them whole. */

interface Page<T> {
  items: T[];
  nextCursor: string | null;
}

/** The items of all pages, in order, at most `most`. `page` fetches the page of a query. */
export async function allPages<T>(
  page: (query: { limit: number; cursor?: string }) => Promise<Page<T>>,
  most = Number.POSITIVE_INFINITY,
): Promise<T[]> {
  const items: T[] = [];
  let next: string | null = null;
  do {
    const { items: more, nextCursor }: Page<T> = await page({
      limit: 200,
      ...(next === null ? {} : { cursor: next }),
    });
    items.push(...more);
    next = nextCursor;
  } while (next !== null && items.length < most);
  return items.slice(0, most);
}
