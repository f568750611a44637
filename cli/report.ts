/** Messages of failed commands: what happened, where, what to do. Never a stack trace. */
import { CliError, Refusal, UsageError } from "./cli-error.ts";
import { printJson, say } from "./print.ts";

/** Reports an error on stderr, and returns the exit code. With `json`, a problem of the API is the answer: it goes to stdout unchanged. */
export function report(error: unknown, context: { command: string | undefined; json: boolean }): number {
  if (error instanceof Refusal && context.json) printJson(error.problem);
  say(describe(error, context.command).join("\n"));
  return error instanceof UsageError ? 2 : 1;
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
