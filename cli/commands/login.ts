/** `skein login` and `skein context`: which API commands go to, and as whom. */
import { ApiProblem, createSkein, fetchFailure } from "../../sdk/index.ts";
import { askUnseen } from "../ask-unseen.ts";
import { CliError } from "../cli-error.ts";
import { defineCommand, JSON_OPTION } from "../command.ts";
import { contextNamed, readContexts, writeContexts } from "../contexts.ts";
import { print, printJson } from "../print.ts";
import { table } from "../table.ts";
import { httpUrl } from "../values.ts";

export const login = defineCommand({
  options: {
    name: { type: "string", value: "NAME", about: "the context's name (default: the API's host)" },
    ...JSON_OPTION,
  },
  positionals: { name: "URL", min: 1, max: 1 },
  notes:
    "It asks for a token, or reads it from stdin: skein login https://skein.example <token-file\n" +
    "SKEIN_API and SKEIN_TOKEN win over what is stored; SKEIN_CONTEXT names a context for one command.",
  async run({ options, positionals: [url] }) {
    const api = httpUrl("URL", url!);
    const token = await askUnseen(`token for ${api}`);
    await tryToken(api, token);
    const name = options.name ?? new URL(api).host;
    const { contexts } = readContexts();
    writeContexts({ current: name, contexts: { ...contexts, [name]: { api, token } } });
    if (options.json) printJson({ name, api });
    else print(`logged in to ${api}; commands go there now (context ${name})`);
  },
});

export const contextLs = defineCommand({
  options: JSON_OPTION,
  async run({ options }) {
    const { current, contexts } = readContexts();
    const items = Object.entries(contexts).map(([name, { api }]) => ({
      name,
      api,
      current: name === current,
    }));
    if (options.json) return printJson(items);
    print(
      table(
        ["", "NAME", "API"],
        items.map((each) => [each.current ? "*" : "", each.name, each.api]),
      ),
    );
  },
});

export const contextUse = defineCommand({
  options: JSON_OPTION,
  positionals: { name: "NAME", min: 1, max: 1 },
  async run({ options, positionals: [name] }) {
    const stored = readContexts();
    const { api } = contextNamed(stored, name!);
    writeContexts({ ...stored, current: name! });
    if (options.json) printJson({ name, api });
    else print(`commands go to ${api} now (context ${name})`);
  },
});

export const contextRm = defineCommand({
  options: JSON_OPTION,
  positionals: { name: "NAME", min: 1, max: 1 },
  notes: "The token is forgotten here. It stays valid: see skein token revoke.",
  async run({ options, positionals: [name] }) {
    const { current, contexts } = readContexts();
    contextNamed({ current, contexts }, name!);
    const left = Object.fromEntries(Object.entries(contexts).filter(([each]) => each !== name));
    writeContexts({ current: current === name ? null : current, contexts: left });
    if (options.json) printJson({ name, removed: true });
    else print(`context ${name} is removed`);
  },
});

/** @throws CliError if the API does not answer, or does not take the token */
async function tryToken(api: string, token: string): Promise<void> {
  if (!/^[\x21-\x7e]+$/.test(token)) throw new CliError("that is no token: it must be one word");
  try {
    await createSkein({ api, token }).listSessions({ query: { limit: 1 } });
  } catch (error) {
    if (error instanceof ApiProblem)
      throw new CliError(`${api} does not take this token: ${error.problem.detail}`);
    if (error instanceof TypeError && error.message === "fetch failed")
      throw new CliError(`no answer from the API at ${api} (${fetchFailure(error)})`);
    throw error;
  }
}
