/** One command line: finds the command, runs it, and turns errors into messages and an exit code. */

import { UsageError } from "./cli-error.ts";
import { ownWords, readInput } from "./command.ts";
import { COMMANDS } from "./commands/index.ts";
import { didYouMean } from "./did-you-mean.ts";
import { print, say } from "./print.ts";
import { report } from "./report.ts";
import { help, overview } from "./usage.ts";

/** Words that people try first, and what they mean. `help COMMAND` is `COMMAND --help`. */
function meant(argv: readonly string[]): readonly string[] {
  const [first, ...others] = argv;
  if (first === "--version" || first === "-V") return ["version", ...others];
  return first === "help" && others.length > 0 ? [...others, "--help"] : argv;
}

/** Runs one command line. Resolves with the exit code: 0 done, 1 failed, 2 wrong usage. */
export async function commandLine(words: readonly string[]): Promise<number> {
  const argv = meant(words);
  const name = [argv.slice(0, 2).join(" "), argv[0] ?? ""].find((candidate) => candidate in COMMANDS);
  let own = beforeDashes(argv);
  try {
    if (name === undefined) return unnamed(argv);
    const { summary, load } = COMMANDS[name]!;
    const args = argv.slice(name.split(" ").length);
    const command = await load();
    own = ownWords(command, args);
    if (asksForHelp(own)) {
      print(help(name, summary, command));
      return 0;
    }
    return (await command.run(readInput(command, args))) ?? 0;
  } catch (error) {
    return report(error, { command: name, json: own.includes("--json") });
  }
}

function unnamed(argv: readonly string[]): number {
  const [first] = argv;
  if (first === undefined || first === "help" || asksForHelp([first])) {
    (first === undefined ? say : print)(overview(COMMANDS));
    return first === undefined ? 2 : 0;
  }
  const group = Object.entries(COMMANDS).filter(([candidate]) => candidate.startsWith(`${first} `));
  if (group.length > 0 && asksForHelp(argv)) {
    print(overview(Object.fromEntries(group)));
    return 0;
  }
  const names = group.map(([candidate]) => candidate).join(", ");
  if (names !== "") {
    const [, second = ""] = argv;
    const words = group.map(([candidate]) => candidate.slice(first.length + 1));
    throw new UsageError(`skein ${first} needs one of: ${names}${didYouMean(second, words)}`);
  }
  throw new UsageError(`there is no command ${first}${didYouMean(first, Object.keys(COMMANDS))}`);
}

function asksForHelp(words: readonly string[]): boolean {
  return words.some((arg) => arg === "--help" || arg === "-h");
}

/** The words after `--` belong to another command line. */
function beforeDashes(argv: readonly string[]): readonly string[] {
  const dashes = argv.indexOf("--");
  return dashes < 0 ? argv : argv.slice(0, dashes);
}
