/** Lists that change while they are read, page by page. */
import { reset } from "cloudflare:test";
import fc from "fast-check";
import { afterEach, expect, test } from "vitest";
import type { SessionView } from "../../shared/session/session-schemas.ts";
import { call, create } from "../testing/call-api.ts";

afterEach(() => reset());

interface Page {
  items: SessionView[];
  nextCursor: string | null;
}

/** What happens between one page and the next; a number picks one of the existing sessions. */
const Step = fc.oneof(
  fc.constant({ kind: "create" } as const),
  fc.record({ kind: fc.constant("end" as const), which: fc.nat(30) }),
);

test("every session that exists throughout is listed exactly once, newest first, whatever is made or ended meanwhile", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 0, max: 9 }),
      fc.integer({ min: 1, max: 4 }),
      fc.array(fc.array(Step, { maxLength: 3 }), { maxLength: 12 }),
      fc.option(fc.constant("pending"), { nil: undefined }),
      async (count, limit, between, status) => {
        await reset();
        const all: string[] = [];
        const ended = new Set<string>();
        for (let i = 0; i < count; i++) all.push((await create()).id);
        const atFirst = [...all];

        const seen: string[] = [];
        let cursor: string | null = "";
        for (let page = 0; cursor !== null; page++) {
          const query: string = `limit=${limit}${status ? `&status=${status}` : ""}${cursor ? `&cursor=${cursor}` : ""}`;
          const body: Page = (await call<Page>("GET", `/v1/sessions?${query}`)).body;
          expect(body.items.length).toBeLessThanOrEqual(limit);
          seen.push(...body.items.map(({ id }) => id));
          cursor = body.nextCursor;
          for (const step of between[page] ?? []) {
            if (step.kind === "create") all.push((await create()).id);
            else if (all.length > 0) {
              const id = all[step.which % all.length]!;
              await call("DELETE", `/v1/sessions/${id}`);
              await call("GET", `/v1/sessions/${id}?wait=5`);
              ended.add(id);
            }
          }
        }

        expect(new Set(seen).size).toBe(seen.length);
        const newestFirst = [...atFirst].reverse();
        // A session that ended meanwhile may be on an earlier page, or on none if the list is of waiting sessions only.
        const stayed = status === undefined ? newestFirst : newestFirst.filter((id) => !ended.has(id));
        expect(seen.filter((id) => stayed.includes(id))).toEqual(stayed);
        expect(seen).toEqual(newestFirst.filter((id) => seen.includes(id)));
      },
    ),
    { numRuns: 25 },
  );
}, 60_000);
