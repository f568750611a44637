/** The expected failures of a command; any other error is a bug or comes from the system. */
import type { Problem } from "../shared/errors/errors.ts";

/** The command failed: exit code 1. `hint` says what to do now. */
export class CliError extends Error {
  readonly hint: string | undefined;

  constructor(message: string, hint?: string) {
    super(message);
    this.name = "CliError";
    this.hint = hint;
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
    super(problem.detail);
    this.name = "Refusal";
    this.problem = problem;
  }
}
