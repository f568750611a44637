/** Commands as data: main.ts picks one, parses its options and runs it; usage.ts prints its help. */
import { parseArgs } from "node:util";
import { UsageError } from "./cli-error.ts";
import { didYouMean } from "./did-you-mean.ts";

export interface Option {
  type: "string" | "boolean";
  short?: string;
  /** May be given more than once: the value is a list. */
  multiple?: boolean;
  /** Placeholder of the value in the help: `HOST:PORT`. */
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
  /** The words after `--`, if the command takes them. */
  rest: string[];
}

export interface Command<O extends Options = Options> {
  options: O;
  /** Their placeholder in the help, and how many there may be; default: none. */
  positionals?: { name: string; min: number; max: number };
  /** Placeholder in the help for the words after `--`; without it, `--` only ends the options. */
  rest?: string;
  /** Placeholder in the help for what follows the first positional: all of it is `rest`, options too, for another program. */
  passesOn?: string;
  /** Lines below the options in the help, for details that do not fit an option's line. */
  notes?: string;
  /** stdout is the answer, stderr is progress. Resolves with the exit code; undefined means 0. */
  run(input: Input<O>): Promise<number | undefined> | Promise<void>;
}

/** For type inference: `run` gets the values that `options` declares. */
export function defineCommand<const O extends Options>(command: Command<O>): Command<O> {
  return command;
}

/** Every command with an answer takes it. */
export const JSON_OPTION = {
  json: { type: "boolean", about: "answer in JSON, as the API gives it" },
} as const satisfies Options;

/** For a command whose stdout belongs to what it runs, or that answers nothing. */
export const JSON_ERRORS = {
  json: { type: "boolean", about: "an error of Skein's own also as JSON on stdout" },
} as const satisfies Options;

/** The words that are the command's own: neither those after `--`, nor those that it passes on. */
export function ownWords(
  { passesOn }: Pick<Command, "passesOn">,
  argv: readonly string[],
): readonly string[] {
  const isEnd = (word: string) => word === "--" || (passesOn !== undefined && !word.startsWith("-"));
  const end = argv.findIndex(isEnd);
  if (end < 0) return argv;
  return argv.slice(0, argv[end] === "--" ? end : end + 1);
}

/** Parses a command's arguments. @throws UsageError for arguments that it does not take */
export function readInput<O extends Options>(command: Command<O>, argv: readonly string[]): Input<O> {
  const own = ownWords(command, argv);
  const takesRest = command.rest !== undefined || command.passesOn !== undefined;
  const after = argv.slice(
    argv[own.length] === "--" && command.passesOn === undefined ? own.length + 1 : own.length,
  );
  const { values, positionals: words } = parse(command.options, own);
  const positionals = takesRest ? words : [...words, ...after];
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
    rest: takesRest ? after : [],
  };
}

function parse(options: Options, argv: readonly string[]) {
  try {
    return parseArgs({ args: [...argv], options, strict: true, allowPositionals: true });
  } catch (error) {
    const { code = "", message } = error as NodeJS.ErrnoException;
    if (!code.startsWith("ERR_PARSE_ARGS_")) throw error;
    // "Unknown option '--x'. To specify a positional …": the first sentence is enough.
    const said = message.split(/[.\n]/)[0]!;
    const [, unknown] = /^Unknown option '--([^']+)'/.exec(said) ?? [];
    throw new UsageError(
      unknown === undefined
        ? said
        : said +
            didYouMean(
              `--${unknown}`,
              Object.keys(options).map((name) => `--${name}`),
            ),
    );
  }
}
