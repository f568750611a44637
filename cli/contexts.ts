/** The APIs that this user has logged in to: `contexts.json` in the user's configuration folder, readable for its owner alone. */
import { chmodSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { CliError } from "./cli-error.ts";

export interface Context {
  /** The API's URL. */
  api: string;
  token: string;
}

export interface Contexts {
  /** The name of the one that commands use. */
  current: string | null;
  contexts: Record<string, Context>;
}

/** This user's folder of Skein. XDG Base Directory Specification: in `$XDG_CONFIG_HOME`, by default `~/.config`. */
export function configDirectory(): string {
  return join(process.env["XDG_CONFIG_HOME"] || join(homedir(), ".config"), "skein");
}

/** None yet: empty. @throws CliError if the file cannot be read, or holds something else */
export function readContexts(): Contexts {
  const path = join(configDirectory(), "contexts.json");
  try {
    const { current, contexts } = JSON.parse(readFileSync(path, "utf8")) as Contexts;
    return { current, contexts: { ...contexts } };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return { current: null, contexts: {} };
    throw new CliError(`cannot read ${path}: ${(error as Error).message}`, "log in again, or remove it");
  }
}

/** As a whole or not at all. */
export function writeContexts(contexts: Contexts): void {
  mkdirSync(configDirectory(), { recursive: true, mode: 0o700 });
  const path = join(configDirectory(), "contexts.json");
  writeFileSync(`${path}.new`, `${JSON.stringify(contexts, null, 2)}\n`, { mode: 0o600 });
  // The mode counts only for a new file.
  chmodSync(`${path}.new`, 0o600);
  renameSync(`${path}.new`, path);
}

/** @throws CliError if there is none of that name */
export function contextNamed({ contexts }: Contexts, name: string): Context {
  const found = Object.hasOwn(contexts, name) ? contexts[name] : undefined;
  if (found) return found;
  throw new CliError(`there is no context ${name}`, "see: skein context ls");
}

/** The variables that say where commands go. */
export interface Environment {
  SKEIN_API?: string | undefined;
  SKEIN_TOKEN?: string | undefined;
  /** A context's name, in the place of the current one. */
  SKEIN_CONTEXT?: string | undefined;
}

interface Local {
  api: string;
  token(): string | undefined;
}

/**
 * Where commands go: the environment wins over a context, and that over an API on this machine. @throws CliError if SKEIN_CONTEXT names
 * none
 */
export function destination(
  env: Environment,
  { current, contexts }: Contexts,
  local: Local,
): { api: string; token: string | undefined } {
  const name = env.SKEIN_CONTEXT || current;
  if (env.SKEIN_CONTEXT) contextNamed({ current, contexts }, env.SKEIN_CONTEXT);
  const used = name === null ? undefined : contexts[name];
  const api = env.SKEIN_API || used?.api || local.api;
  // The current one first: a user may have several at one API, for several projects.
  const known = [...(used ? [used] : []), ...Object.values(contexts)].find((each) => each.api === api);
  const token = env.SKEIN_TOKEN || known?.token || (api === local.api ? local.token() : undefined);
  return { api, token };
}

/**
 * The environment with which a command goes where it goes now, whatever the current context is by then. `null`: to be unset. Never a token,
 * since this is written to files.
 */
export function pinned(
  env: Environment,
  stored: Contexts,
  local: Local,
): Record<keyof Environment, string | null> | { SKEIN_API: string } {
  const name = env.SKEIN_CONTEXT || stored.current;
  const { api } = destination(env, stored, local);
  if (env.SKEIN_API || env.SKEIN_TOKEN || name === null || !stored.contexts[name]) return { SKEIN_API: api };
  return { SKEIN_API: null, SKEIN_TOKEN: null, SKEIN_CONTEXT: name };
}
