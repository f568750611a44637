/** The ways a command ends badly on purpose; everything else that is thrown is a bug or the system's. */
import type { Problem } from "../shared/errors/errors.ts";

/** The command could not do it: exit code 1. `hint` says what to do now. */
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

/** The API said no: exit code 1. */
export class Refusal extends CliError {
  readonly problem: Pick<Problem, "title" | "detail" | "errors" | "nodes">;

  constructor(problem: Refusal["problem"]) {
    super(problem.detail);
    this.name = "Refusal";
    this.problem = problem;
  }
}
