/** Lists: newest first, in slices; the cursor names the last item seen, so it stays right while the list changes. */
import { z } from "zod";
import { invalidFields } from "../../shared/errors/errors.ts";
import { fromBase64Url, toBase64Url } from "../platform/hash.ts";
import type { Slice, SliceRequest } from "../platform/slice.ts";

const MAX_LIMIT = 200;

const Limit = z
  .string()
  .regex(/^\d{1,3}$/, `must be a number from 1 to ${MAX_LIMIT}`)
  .transform(Number)
  .refine((limit) => limit >= 1 && limit <= MAX_LIMIT, `must be a number from 1 to ${MAX_LIMIT}`);

export const paging = {
  limit: Limit.optional().openapi({
    type: "integer",
    minimum: 1,
    maximum: MAX_LIMIT,
    default: 50,
    description: "How many at most",
    example: 50,
  }),
  cursor: z
    .string()
    .max(64)
    .optional()
    .openapi({ description: "`nextCursor` of the answer before", example: "YmVmb3JlOjQy" }),
};

export function sliceRequest({
  limit = 50,
  cursor,
}: {
  limit?: number | undefined;
  cursor?: string | undefined;
}): SliceRequest {
  if (cursor === undefined) return { before: Number.MAX_SAFE_INTEGER, limit };
  const text = new TextDecoder().decode(fromBase64Url(cursor));
  const before = /^before:(\d{1,16})$/.exec(text)?.[1];
  if (before === undefined) {
    throw invalidFields([
      { field: "cursor", message: "is not a cursor of this API: give nextCursor of an earlier answer" },
    ]);
  }
  return { before: Number(before), limit };
}

export function nextCursor({ next }: Slice<unknown>): string | null {
  return next === null ? null : toBase64Url(new TextEncoder().encode(`before:${next}`));
}
