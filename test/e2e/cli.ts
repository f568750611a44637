/** The command line as a user has it: `./skein …` on the lab's client machine, with the admin's token. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { exitStatus } from "../lab/exit-status.ts";
import { cluster } from "./skein.ts";

const LAUNCHER = join(import.meta.dirname, "../../skein");

/** A command that runs. */
export interface Command {
  pid: number;
  /** What it has printed so far. */
  stdout(): Buffer;
  stderr(): string;
  /** Sends it bytes on stdin. */
  type(bytes: string | Buffer): void;
  /** Closes its stdin. */
  endInput(): void;
  /** Nobody reads its stdout any longer. */
  closeOutput(): void;
  signal(name: NodeJS.Signals): void;
  /** Resolves once it has ended and all its output was read. */
  ended: Promise<Outcome>;
}

export interface Outcome {
  /** Exit code; 128 + signal number if a signal ended it. */
  code: number;
  stdout: Buffer;
  stderr: string;
}

/** Starts `./skein ARGS`. */
export async function start(args: readonly string[]): Promise<Command> {
  const { api } = await cluster();
  const env = { ...process.env, SKEIN_API: api.url, SKEIN_TOKEN: api.token };
  const child = spawn(LAUNCHER, args, { env, stdio: "pipe" });
  const [stdout, stderr] = [[] as Buffer[], [] as Buffer[]];
  child.stdout.on("data", (chunk: Buffer) => stdout.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => stderr.push(chunk));
  // It may end without reading its input.
  child.stdin.on("error", () => {});
  const printed = () => Buffer.concat(stdout);
  const said = () => Buffer.concat(stderr).toString();
  return {
    pid: child.pid!,
    stdout: printed,
    stderr: said,
    type: (bytes) => void child.stdin.write(bytes),
    endInput: () => void child.stdin.end(),
    closeOutput: () => void child.stdout.destroy(),
    signal: (name) => void child.kill(name),
    ended: once(child, "close").then(([code, signal]) => ({
      code: exitStatus(code as number | null, signal as NodeJS.Signals | null),
      stdout: printed(),
      stderr: said(),
    })),
  };
}

/** Runs `./skein ARGS` to its end, with `input` on stdin. */
export async function skein(args: readonly string[], input: string | Buffer = ""): Promise<Outcome> {
  const command = await start(args);
  command.type(input);
  command.endInput();
  return await command.ended;
}
