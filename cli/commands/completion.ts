/** `skein completion`. */

import { LIVE_STATUSES } from "../../shared/session/lifecycle.ts";
import { UsageError } from "../cli-error.ts";
import { withApi } from "../client.ts";
import { defineCommand, JSON_OPTION } from "../command.ts";
import { type Candidate, candidates, type Entries } from "../completion/candidates.ts";
import { SCRIPTS } from "../completion/scripts.ts";
import { allOf } from "../pages.ts";
import { print, printJson } from "../print.ts";

/** The command that completes these. */
export const completionOf = (commands: Entries) =>
  defineCommand({
    options: JSON_OPTION,
    positionals: { name: "SHELL", min: 1, max: 1 },
    rest: "WORD",
    notes: `bash: add to ~/.bashrc:                      source <(skein completion bash)
zsh:  add to ~/.zshrc, after compinit:       source <(skein completion zsh)
fish: once, in a terminal:                   skein completion fish > ~/.config/fish/completions/skein.fish`,
    async run({ options, positionals: [shell = ""], rest }) {
      const script = Object.hasOwn(SCRIPTS, shell) ? SCRIPTS[shell] : undefined;
      if (script === undefined)
        throw new UsageError(`skein completes in ${Object.keys(SCRIPTS).join(", ")}, not ${shell}`);
      if (rest.length === 0)
        return void (options.json ? printJson({ shell, script }) : print(script.trimEnd()));
      for (const { word, about } of await candidates(rest, commands, { sessions, nodes }))
        print(`${word}\t${about}`);
    },
  });

function sessions(): Promise<Candidate[]> {
  return known(async (skein) => {
    const live = await allOf(skein.sessions({ status: LIVE_STATUSES }));
    return live.map(({ name, status }) => ({ word: name, about: status }));
  });
}

function nodes(): Promise<Candidate[]> {
  return known(async (skein) => {
    const all = await allOf(skein.nodes());
    return all.map(({ name, status }) => ({ word: name, about: status }));
  });
}

const PATIENCE_MS = 2_000;

/** Nothing, where the API does not answer: who presses TAB wants no error, and no wait. */
async function known(ask: Parameters<typeof withApi<Candidate[]>>[0]): Promise<Candidate[]> {
  const late = Promise.withResolvers<Candidate[]>();
  const timer = setTimeout(() => late.resolve([]), PATIENCE_MS).unref();
  return await Promise.race([withApi(ask).catch(() => []), late.promise]).finally(() => clearTimeout(timer));
}
