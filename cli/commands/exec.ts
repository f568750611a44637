/** `skein exec` and `skein shell`. */
import { attach, terminalSize } from "../attach.ts";
import { UsageError } from "../cli-error.ts";
import { withApi } from "../client.ts";
import { defineCommand, JSON_ERRORS, type Options } from "../command.ts";
import { keyValues } from "../values.ts";

const WHERE = {
  env: { type: "string", multiple: true, short: "e", value: "K=V", about: "an environment variable" },
  user: { type: "string", short: "u", value: "USER", about: "user or UID (default: the container's)" },
  workdir: { type: "string", short: "w", value: "DIR", about: "the working directory" },
} as const satisfies Options;

const POSITIONALS = { name: "SESSION [HOST]", min: 1, max: 2 };

export const exec = defineCommand({
  options: {
    tty: { type: "boolean", short: "t", about: "in a terminal" },
    "no-stdin": { type: "boolean", short: "n", about: "leave this command's stdin alone, as ssh -n does" },
    ...WHERE,
    ...JSON_ERRORS,
  },
  positionals: POSITIONALS,
  rest: "COMMAND",
  notes:
    "HOST is main1 unless given. stdin, stdout and stderr are the command's own, and its exit code is ours.\n" +
    "Ctrl-C goes to the command; a second one leaves it. A command that is left gets SIGHUP, and SIGKILL after 10 s.",
  async run({ options, positionals: [session, host], rest }) {
    if (rest.length === 0) throw new UsageError("-- COMMAND is missing");
    const tty = options.tty ? terminalSize() : null;
    if (options.tty && !tty) throw new UsageError("--tty needs a terminal as stdin and stdout");
    return await withApi(async (skein) => {
      const stream = await skein.exec(containerOf(session!, host), {
        command: rest,
        tty,
        ...whereOf(options),
      });
      return await attach(stream, { tty: tty !== null, stdin: !options["no-stdin"] });
    });
  },
});

/** The kit's own program, since images differ: it becomes the user's login shell. */
const LOGIN_SHELL = "/.skein/kit/shell";

export const shell = defineCommand({
  options: { ...WHERE, ...JSON_ERRORS },
  positionals: POSITIONALS,
  notes:
    "HOST is main1 unless given. It is the user's login shell; where the image has none, a small one of Skein's.",
  async run({ options, positionals: [session, host] }) {
    const tty = terminalSize();
    if (!tty)
      throw new UsageError("a shell needs a terminal; for a script: skein exec SESSION -- sh < SCRIPT");
    return await withApi(async (skein) => {
      const command = [LOGIN_SHELL];
      const stream = await skein.exec(containerOf(session!, host), { command, tty, ...whereOf(options) });
      return await attach(stream, { tty: true, stdin: true });
    });
  },
});

function containerOf(session: string, host: string | undefined) {
  return { session, ...(host === undefined ? {} : { host }) };
}

function whereOf({
  env,
  user,
  workdir,
}: {
  env: string[];
  user: string | undefined;
  workdir: string | undefined;
}) {
  const variables: Record<string, string> = env.length > 0 ? keyValues("env", env) : {};
  const term = process.env["TERM"];
  if (term !== undefined) variables["TERM"] ??= term;
  return {
    env: variables,
    ...(user === undefined ? {} : { user }),
    ...(workdir === undefined ? {} : { workdir }),
  };
}
