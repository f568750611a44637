import { expect, test } from "vitest";
import type { Session } from "./generated/types.gen.ts";
import { pagesOf } from "./pages.ts";

/** Lists of numbers, two to a page. */
function pages(asked: object[]) {
  const page = async ({ query }: { query: { cursor?: string } }) => {
    asked.push(query);
    const at = Number(query.cursor ?? 0);
    const items = [1, 2, 3, 4, 5].slice(at, at + 2) as unknown as Session[];
    return { items, nextCursor: at + 2 < 5 ? String(at + 2) : null };
  };
  const lists = { listSessions: page, listNodes: page, listTokens: page, listAudit: page };
  return pagesOf(lists as unknown as Parameters<typeof pagesOf>[0]);
}

test("a list goes on over its pages, with the same question", async () => {
  const asked: object[] = [];
  const seen: unknown[] = [];
  for await (const item of pages(asked).sessions({ status: "running" })) seen.push(item);
  expect(seen).toEqual([1, 2, 3, 4, 5]);
  const first = { status: ["running"], limit: 200 };
  expect(asked).toEqual([first, { ...first, cursor: "2" }, { ...first, cursor: "4" }]);
});

test("no page is asked for before it is needed", async () => {
  const asked: object[] = [];
  for await (const item of pages(asked).nodes()) if ((item as unknown) === 2) break;
  expect(asked).toEqual([{ limit: 200 }]);
});
