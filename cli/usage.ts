/** The help texts. */
import type { Command } from "./command.ts";
import { table } from "./table.ts";

/** All commands, a line each. */
export function overview(commands: Record<string, { summary: string }>): string {
  const rows = Object.entries(commands).map(([name, { summary }]) => `  ${name.padEnd(16)}${summary}`);
  return [
    "usage: skein COMMAND [OPTIONS]",
    "",
    ...rows,
    "",
    "  skein help COMMAND says more. The client commands go to the API of SKEIN_API and SKEIN_TOKEN, else of skein login,",
    "  else to http://127.0.0.1:8787, with the token of a skein serve in this checkout.",
  ].join("\n");
}

/** One command and its options. */
export function help(name: string, summary: string, command: Command): string {
  const options = Object.entries(command.options).map(([long, { type, short, value, about, multiple }]) => {
    const flag = `${short ? `-${short}, ` : "    "}--${long}${type === "string" ? ` ${value ?? "VALUE"}` : ""}`;
    return [`  ${flag}${multiple ? "…" : ""}`, about];
  });
  return [
    `${line(name, command)}`,
    "",
    summary,
    ...(options.length > 0 ? ["", table(["options:", ""], options)] : []),
    ...(command.notes === undefined ? [] : ["", command.notes]),
  ].join("\n");
}

function line(name: string, { options, positionals, rest, passesOn }: Command): string {
  const { name: what = "", min = 0, max = 0 } = positionals ?? {};
  const many = max > 1 ? `${what}…` : what;
  return [
    `usage: skein ${name}`,
    ...(Object.keys(options).length > 0 ? ["[OPTIONS]"] : []),
    ...(max > 0 ? [min > 0 ? many : `[${many}]`] : []),
    ...(rest === undefined ? [] : [`[-- ${rest}…]`]),
    ...(passesOn === undefined ? [] : [passesOn]),
  ].join(" ");
}
