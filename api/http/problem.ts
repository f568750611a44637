/** Errors as RFC 9457 problem details: both the answers and their documentation. */
import type { Context } from "hono";
import { ERRORS, type ErrorCode, SkeinError, skeinErrorOf } from "../../shared/errors/errors.ts";
import { ProblemView } from "../../shared/errors/problem-schema.ts";
import { logError } from "../platform/log-error.ts";
import { unavailable } from "./unavailable.ts";

/** The answer to any thrown error. An error that is no SkeinError is a bug: it is logged, and the answer shows none of its details. */
export function problemOf(error: unknown, context: Context): Response {
  const ours = skeinErrorOf(error);
  if (ours) return problemResponse(ours);
  const where = `${context.req.method} ${new URL(context.req.url).pathname}:`;
  const known = unavailable(error);
  if (known) {
    logError(where, String(error));
    return problemResponse(known);
  }
  logError(where, error);
  return problemResponse(
    new SkeinError("internal", "the request could not be carried out; the API's log says why"),
  );
}

export function problemResponse(error: SkeinError, headers: Record<string, string> = {}): Response {
  const problem = error.toProblem();
  return new Response(JSON.stringify(problem), {
    status: problem.status,
    headers: {
      "content-type": "application/problem+json",
      ...(problem.status === 401 ? { "www-authenticate": "Bearer" } : {}),
      ...(problem.retryAfter === undefined ? {} : { "retry-after": String(problem.retryAfter) }),
      ...headers,
    },
  });
}

/**
 * The `responses` of a route for the codes that it can answer with. `internal` and `unavailable` are always among them, and so is
 * `rate_limited` if the route needs a token.
 */
export function problems(...codes: ErrorCode[]) {
  const always: ErrorCode[] = ["internal", "unavailable"];
  if (codes.includes("unauthorized")) always.unshift("rate_limited");
  const byStatus = Map.groupBy([...codes, ...always], (code) => ERRORS[code].status);
  return Object.fromEntries(
    [...byStatus].map(([status, of]) => [
      status,
      {
        description: of.map((code) => `\`${code}\`: ${ERRORS[code].title}`).join("; "),
        content: { "application/problem+json": { schema: ProblemView } },
      },
    ]),
  );
}
