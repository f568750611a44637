/** The API's refusals as errors. */
import type { Problem } from "./generated/types.gen.ts";

/** What the API answered instead of what was asked for: RFC 9457 problem details, `code` stable. */
export class ApiProblem extends Error {
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(problem.detail);
    this.name = "ApiProblem";
    this.problem = problem;
  }
}

/** Of a body that was read as JSON, or could not be. */
export function problemOf(body: unknown, response: Response): ApiProblem {
  return new ApiProblem(isProblem(body) ? body : foreign(response));
}

function isProblem(body: unknown): body is Problem {
  return typeof body === "object" && body !== null && "code" in body && "detail" in body;
}

/** For what stands between us and the API (a proxy, a firewall) and answers in its own words. */
function foreign({ status, statusText, url }: Response): Problem {
  const title = `HTTP ${status}${statusText ? ` ${statusText}` : ""}`;
  return { type: "about:blank", title, status, code: "unknown", detail: `${url} answered ${title}` };
}
