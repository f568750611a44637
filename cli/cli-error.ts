/** The expected failures of a command; any other error is a bug or comes from the system. */
import type { Problem } from "../shared/errors/errors.ts";

/** What programs get of a failure: an API's problem whole, else what of it there is (RFC 9457). */
export type Told = Pick<Problem, "title" | "detail"> & { type?: string; code?: string };

/** The command failed: exit code 1. `hint` says what to do now. `told`: what programs get, where that is more than the message. */
export class CliError extends Error {
  readonly hint: string | undefined;
  readonly told: Told | undefined;

  constructor(message: string, hint?: string, told?: Told) {
    super(message);
    this.name = "CliError";
    this.hint = hint;
    this.told = told;
  }
}

/** The command line itself is wrong: exit code 2. */
export class UsageError extends CliError {
  constructor(message: string, hint?: string) {
    super(message, hint);
    this.name = "UsageError";
  }
}

/** The API refused: exit code 1. */
export class Refusal extends CliError {
  readonly problem: Pick<Problem, "title" | "detail" | "errors" | "nodes">;

  constructor(problem: Refusal["problem"]) {
    super(problem.detail, undefined, problem);
    this.name = "Refusal";
    this.problem = problem;
  }
}
