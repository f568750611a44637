/** Messages of failed commands: what happened, where, what to do. Never a stack trace. */
import { CliError, Refusal, type Told, UsageError } from "./cli-error.ts";
import { printJson, say } from "./print.ts";

/** Reports an error on stderr, and returns the exit code. With `json` it is the answer, too: the API's problem unchanged, or one made here. */
export function report(error: unknown, context: { command: string | undefined; json: boolean }): number {
  if (context.json) printJson(problemOf(error));
  say(describe(error, context.command).join("\n"));
  return error instanceof UsageError ? 2 : 1;
}

/** RFC 9457: `about:blank` has no meaning beyond its title. A wrong command line has the code that a wrong request has. */
function problemOf(error: unknown): Told & { hint?: string } {
  const detail = error instanceof Error ? error.message : String(error);
  const told = error instanceof CliError ? error.told : undefined;
  if (told) return told;
  if (error instanceof UsageError)
    return { type: "urn:skein:error:invalid_request", title: "Wrong usage", code: "invalid_request", detail };
  const hint = error instanceof CliError && error.hint !== undefined ? { hint: error.hint } : {};
  return { type: "about:blank", title: "The command failed", detail, ...hint };
}

function describe(error: unknown, command: string | undefined): string[] {
  if (error instanceof Refusal) return refusalLines(error);
  if (error instanceof UsageError) {
    return [`skein: ${error.message}`, `  see: skein ${command === undefined ? "" : `${command} `}--help`];
  }
  if (error instanceof CliError) {
    return [`skein: ${error.message}`, ...(error.hint === undefined ? [] : [`  ${error.hint}`])];
  }
  return [`skein: ${error instanceof Error ? error.message : String(error)}`];
}

function refusalLines({ problem }: Refusal): string[] {
  const { title, detail, errors = [], nodes = [] } = problem;
  const fields = errors.map(({ field, message }) => `${field || "body"}: ${message}`);
  // If fields are at fault, `detail` only repeats the first of them.
  return [
    `skein: ${fields[0] === detail ? title : detail}`,
    ...fields.map((line) => `  ${line}`),
    ...nodes.map(({ node, reason }) => `  ${node}: ${reason}`),
  ];
}
