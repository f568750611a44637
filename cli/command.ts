/** What a command is, as data: main.ts picks one, reads its options and runs it; usage.ts prints its help. */
import { parseArgs } from "node:util";
import { UsageError } from "./errors.ts";

export interface Option {
  type: "string" | "boolean";
  short?: string;
  /** May be given more than once: the value is a list. */
  multiple?: boolean;
  /** What stands for the value in the help: `HOST:PORT`. */
  value?: string;
  about: string;
}
export type Options = Record<string, Option>;

export type Values<O extends Options> = {
  [K in keyof O]: O[K] extends { type: "boolean" }
    ? boolean
    : O[K] extends { multiple: true }
      ? string[]
      : string | undefined;
};

export interface Input<O extends Options = Options> {
  options: Values<O>;
  /** In order, as many as `positionals` allows. */
  positionals: string[];
  /** What stands after `--`, where the command takes that. */
  rest: string[];
}

export interface Command<O extends Options = Options> {
  options: O;
  /** What stands for them in the help, and how many there may be; none unless told. */
  positionals?: { name: string; min: number; max: number };
  /** What stands after `--` in the help; without it, `--` only ends the options. */
  rest?: string;
  /** Lines under the help's options: what an option's own line has no room for. */
  notes?: string;
  /** stdout is the answer, stderr is progress. Resolves with the exit code; nothing means 0. */
  run(input: Input<O>): Promise<number | undefined> | Promise<void>;
}

/** For the types: `run` sees the values that `options` declares. */
export function defineCommand<const O extends Options>(command: Command<O>): Command<O> {
  return command;
}

/** Every command that answers something takes it. */
export const JSON_OPTION = {
  json: { type: "boolean", about: "answer in JSON, as the API gives it" },
} as const satisfies Options;

/** Reads a command's arguments. Throws a UsageError for what it does not take. */
export function readInput<O extends Options>(command: Command<O>, argv: readonly string[]): Input<O> {
  const dashes = argv.indexOf("--");
  const own = dashes < 0 ? argv : argv.slice(0, dashes);
  const after = dashes < 0 ? [] : argv.slice(dashes + 1);
  const { values, positionals: words } = parse(command.options, own);
  const positionals = command.rest === undefined ? [...words, ...after] : words;
  const { name = "", min = 0, max = 0 } = command.positionals ?? {};
  if (positionals.length > max) throw new UsageError(`${positionals[max]} is one argument too many`);
  if (positionals.length < min) throw new UsageError(`${name} is missing`);
  const defaults: Record<string, boolean | string[]> = {};
  for (const [key, option] of Object.entries(command.options)) {
    if (option.type === "boolean") defaults[key] = false;
    else if (option.multiple) defaults[key] = [];
  }
  return {
    options: { ...defaults, ...values } as Values<O>,
    positionals,
    rest: command.rest === undefined ? [] : after,
  };
}

function parse(options: Options, argv: readonly string[]) {
  try {
    return parseArgs({ args: [...argv], options, strict: true, allowPositionals: true });
  } catch (error) {
    const { code = "", message } = error as NodeJS.ErrnoException;
    if (!code.startsWith("ERR_PARSE_ARGS_")) throw error;
    // "Unknown option '--x'. To specify a positional …": the first sentence says it.
    throw new UsageError(message.split(/[.\n]/)[0]!);
  }
}
