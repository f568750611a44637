/** What may come next on a command line: for the shells' completion. */
import type { Command, Option } from "../command.ts";

export interface Candidate {
  word: string;
  about: string;
}

/** Commands by their names, which have one word or two. */
export interface Entries {
  [name: string]: { summary: string; load(): Promise<Command> };
}

/** Names that only the API knows. */
export interface Names {
  sessions(): Promise<Candidate[]>;
  nodes(): Promise<Candidate[]>;
}

/** `words` follow `skein`; the last is the one being typed, maybe empty. None: a file, or something new. */
export async function candidates(
  words: readonly string[],
  commands: Entries,
  names: Names,
): Promise<Candidate[]> {
  const [typed = "", before] = [words.at(-1), words.slice(0, -1)];
  const found = await possible(before, typed, commands, names);
  return found.filter(({ word }) => word.startsWith(typed));
}

async function possible(
  before: readonly string[],
  typed: string,
  commands: Entries,
  names: Names,
): Promise<Candidate[]> {
  if (before[0] === "help") return wordsAfter(before.slice(1), commands);
  const name = [before.slice(0, 2).join(" "), before[0] ?? ""].find((each) => Object.hasOwn(commands, each));
  if (name === undefined) {
    const help = { word: "help", about: "say more about a command" };
    return [...wordsAfter(before, commands), ...(before.length === 0 ? [help] : [])];
  }
  const args = before.slice(name.split(" ").length);
  if (args.includes("--")) return [];
  const { options, positionals, passesOn } = await commands[name]!.load();
  // From here on it is another program's command line.
  if (passesOn !== undefined && given(args, options) > 0) return [];
  const open = optionOf(args.at(-1), options);
  if (open?.type === "string") return [];
  if (typed.startsWith("-")) {
    const all = Object.entries(options).map(([long, { about }]) => ({ word: `--${long}`, about }));
    return [...all, { word: "--help", about: "say more" }];
  }
  const [kind] = positionals?.name.split(" ") ?? [];
  const places = positionals?.name.includes(" ") ? 1 : (positionals?.max ?? 0);
  if (given(args, options) >= places) return [];
  return kind === "SESSION" ? await names.sessions() : kind === "NODE" ? await names.nodes() : [];
}

/** The first words of all commands, or the second ones of a group. */
function wordsAfter(before: readonly string[], commands: Entries): Candidate[] {
  const all = Object.entries(commands).map(([name, { summary }]) => ({ words: name.split(" "), summary }));
  const next = all.filter(
    ({ words }) => words.length > before.length && before.every((word, at) => words[at] === word),
  );
  const found = new Map<string, Candidate>();
  for (const { words, summary } of next) {
    const word = words[before.length]!;
    const isGroup = words.length > before.length + 1;
    found.set(word, { word, about: isGroup ? `${word} …` : summary });
  }
  return [...found.values()];
}

/** The option of a word like `--name` or `-n`; undefined where its value follows in the same word. */
function optionOf(word: string | undefined, options: Record<string, Option>): Option | undefined {
  if (word === undefined) return undefined;
  if (word.startsWith("--"))
    return Object.hasOwn(options, word.slice(2)) ? options[word.slice(2)] : undefined;
  return Object.values(options).find(({ short }) => word === `-${short}`);
}

/** How many of these words are neither options nor their values. */
function given(args: readonly string[], options: Record<string, Option>): number {
  return args.filter(
    (word, at) => !word.startsWith("-") && optionOf(args[at - 1], options)?.type !== "string",
  ).length;
}
