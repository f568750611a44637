/** `--secret-env` and `--secret-env-file`. No message names a value. */
import { readFileSync } from "node:fs";
import { CliError, UsageError } from "./cli-error.ts";

type Variables = Readonly<Record<string, string | undefined>>;

/** Files in their order, then the options: of two values for a name the last counts. @throws UsageError, CliError */
export function secretEnvGiven(
  given: readonly string[],
  files: readonly string[],
  here: Variables = process.env,
): Record<string, string> {
  const lines = files.flatMap((path) =>
    linesOf(path).map((line, at) => ({ text: line, where: `${path}, line ${at + 1}` })),
  );
  const entries = [
    ...lines.filter(({ text }) => text !== "" && !text.startsWith("#")),
    ...given.map((text) => ({ text, where: "--secret-env" })),
  ];
  return Object.fromEntries(entries.map(({ text, where }) => variable(text, where, here)));
}

/** As Docker's `--env-file` reads them: nothing is unquoted, and a value may have `=` and spaces. */
function linesOf(path: string): string[] {
  try {
    return readFileSync(path === "-" ? 0 : path, "utf8")
      .split(/\r?\n/)
      .map((line) => line.trimStart());
  } catch (error) {
    throw new CliError(`cannot read ${path}: ${(error as Error).message}`);
  }
}

function variable(text: string, where: string, here: Variables): [string, string] {
  const at = text.indexOf("=");
  const name = at < 0 ? text : text.slice(0, at);
  // A mistaken line may be a secret itself, so it is not shown.
  if (!/^[A-Za-z_][\w.-]*$/.test(name))
    throw new UsageError(`${where}: must be NAME=VALUE or NAME, with a name of letters, digits and _`);
  if (at >= 0) return [name, text.slice(at + 1)];
  const value = here[name];
  if (value === undefined)
    throw new UsageError(`${where}: ${name} is not set here; give ${name}=VALUE, or set it`);
  return [name, value];
}
