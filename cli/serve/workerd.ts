/**
 * workerd as a child process that never outlives this one, and never shares its data with another.
 *
 * Linux: `flock -F setpriv --pdeathsig KILL workerd`. Both replace themselves, so the child is workerd itself: it holds the lock as long as
 * it lives, and is killed by the kernel when this process dies, also by SIGKILL. Its data survives that (SQLite's log); SIGTERM would let
 * it linger on open links. A workerd that is started at that moment waits for the lock. macOS has neither: there a file names workerd's
 * process, and a data directory whose process lives is refused.
 *
 * Its soft limit of file descriptors is the hard one: Node raises its own when it starts, and children inherit it.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { type SettingName, type Settings, variableOf } from "../../shared/settings/settings.ts";
import { CliError } from "../cli-error.ts";
import { ADMIN_TOKEN, ASSETS, DISK, SECRETS_KEY, SOCKET } from "./config.ts";

export interface Workerd {
  pid: number;
  port: number;
  /** Resolves when it has ended, with how. */
  ended: Promise<string>;
  /** SIGTERM, so that short requests are answered; then SIGKILL, since agents' links and streams stay open for as long as it lives. */
  stop(): Promise<void>;
}

export interface WorkerdOptions {
  /** As `bundleApi` makes it. */
  bundle: string;
  data: string;
  host: string;
  /** 0: a free one. */
  port: number;
  token: string;
  secretsKey: string;
  settings: Partial<Settings>;
  /** Receives workerd's output: errors, and the worker's log. */
  log(text: string): void;
}

/** flock's exit code for "already locked". */
const TAKEN = 75;

/** Resolves when workerd listens. @throws CliError if it cannot */
export async function startWorkerd(options: WorkerdOptions): Promise<Workerd> {
  const inUse = new CliError(
    `another skein serve uses the data in ${options.data}`,
    "stop it first, or choose another directory with --data",
  );
  if (process.platform !== "linux" && ownerLives(options.data)) throw inUse;
  const [program, ...args] = [...guards(options.data), workerdPath(), ...workerdArgs(options)] as [
    string,
    ...string[],
  ];
  const child = spawn(program, args, {
    // Its own process group: Ctrl-C at the terminal signals only us, and we stop it in order.
    detached: true,
    env: {
      PATH: process.env["PATH"],
      [ADMIN_TOKEN]: options.token,
      [SECRETS_KEY]: options.secretsKey,
      ...variables(options.settings),
    },
    stdio: ["ignore", "ignore", "pipe", "pipe"],
  });
  const tail = followErrors(child, options.log);
  const ended = endOf(child, tail);
  const port = await Promise.race([listening(child), ended.then(() => undefined)]);
  if (port === undefined) {
    const how = await ended;
    if (child.exitCode === TAKEN) throw inUse;
    if (/Address already in use/i.test(tail.text)) {
      throw new CliError(
        `${options.host}:${options.port} is in use`,
        "choose another with --listen HOST:PORT (port 0: a free one)",
      );
    }
    throw new CliError(how);
  }
  if (process.platform !== "linux") writeFileSync(ownerFile(options.data), String(child.pid));
  return { pid: child.pid!, port, ended, stop: () => stop(child, options.data) };
}

function variables(settings: Partial<Settings>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(settings).map(([name, value]) => [variableOf(name as SettingName), String(value)]),
  );
}

function workerdPath(): string {
  return (createRequire(import.meta.url)("workerd") as { default: string }).default;
}

function workerdArgs({ bundle, data, host, port }: WorkerdOptions): string[] {
  return [
    "serve",
    `--directory-path=${DISK}=${join(data, "objects")}`,
    `--directory-path=${ASSETS}=${join(bundle, ASSETS)}`,
    `--socket-addr=${SOCKET}=${host}:${port}`,
    "--control-fd=3",
    join(bundle, "workerd.capnp"),
  ];
}

function guards(data: string): string[] {
  if (process.platform !== "linux") return [];
  return [
    ...["flock", "--wait", "1", "--no-fork", "--conflict-exit-code", String(TAKEN), join(data, "lock")],
    ...["setpriv", "--pdeathsig", "KILL"],
  ];
}

/** workerd writes one JSON line per socket to its control descriptor. Resolves when it listens on ours. */
async function listening(child: ChildProcess): Promise<number | undefined> {
  let text = "";
  for await (const chunk of child.stdio[3] as NodeJS.ReadableStream) {
    text += chunk;
    for (const line of text.split("\n").slice(0, -1)) {
      const message = JSON.parse(line) as { event: string; socket?: string; port?: number };
      if (message.event === "listen" && message.socket === SOCKET) return message.port;
    }
  }
  return undefined;
}

interface Tail {
  text: string;
}

/** Passes on its output, and keeps the last 4 KiB. */
function followErrors(child: ChildProcess, log: WorkerdOptions["log"]): Tail {
  const tail = { text: "" };
  child.stderr!.setEncoding("utf8").on("data", (chunk: string) => {
    tail.text = (tail.text + chunk).slice(-4096);
    log(chunk);
  });
  return tail;
}

async function endOf(child: ChildProcess, tail: Tail): Promise<string> {
  child.on("error", () => {});
  if (child.pid === undefined) {
    const [error] = await once(child, "error");
    return `workerd could not be started: ${(error as Error).message}`;
  }
  const [code, signal] = await once(child, "close");
  const why = lastWords(tail.text);
  return `workerd ended with ${signal ?? `exit code ${code}`}${why === undefined ? "" : ` (${why})`}`;
}

/** The exception in workerd's output that ended it: `accept(): Too many open files`. */
export function lastWords(said: string): string | undefined {
  const [, exception] =
    /^\*\*\* (?:Uncaught exception \*\*\*\n|Fatal uncaught kj::Exception: )(.+)$/m.exec(said) ?? [];
  // "server/bridge.rs:851: overloaded: " before it is a place in workerd's source; "(os error 24)" after it repeats the message.
  return exception?.replace(/^\S+:\d+: \w+: /, "").replace(/ \(os error \d+\)$/, "");
}

const GRACE_MS = 2000;

async function stop(child: ChildProcess, data: string): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) {
    const exited = once(child, "exit");
    child.kill("SIGTERM");
    const hard = setTimeout(() => child.kill("SIGKILL"), GRACE_MS);
    await exited;
    clearTimeout(hard);
  }
  rmSync(ownerFile(data), { force: true });
}

function ownerFile(data: string): string {
  return join(data, "workerd.pid");
}

function ownerLives(data: string): boolean {
  try {
    process.kill(Number(readFileSync(ownerFile(data), "utf8")), 0);
    return true;
  } catch {
    return false;
  }
}
