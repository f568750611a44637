/** Which failures of a request may pass by themselves. */
import { ApiProblem } from "../sdk/index.ts";

/** Whether another try would be refused again. An API that is away, or busy, answers later. */
export function isFinal(error: unknown): boolean {
  return error instanceof ApiProblem && error.problem.status < 500 && error.problem.status !== 429;
}
