/** Runs programs: argv in, exit status and output out. */
import { spawn } from "node:child_process";
import { exitStatus } from "./exit-status.ts";

export interface Result {
  /** Exit status; 128 + signal number if a signal ended it. */
  code: number;
  stdout: string;
  stderr: string;
}

export interface RunOptions {
  /** Sent to the program's stdin, which is then closed. */
  input?: string | Buffer;
  /** Milliseconds; then the program gets SIGKILL and the promise rejects. */
  timeout?: number;
  env?: NodeJS.ProcessEnv;
  cwd?: string;
}

/** Runs a program to its end, and returns the result, also of a failure. */
export async function capture(argv: readonly string[], options: RunOptions = {}): Promise<Result> {
  const [program, ...args] = argv as [string, ...string[]];
  const child = spawn(program, args, {
    env: options.env ?? process.env,
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    signal: options.timeout === undefined ? undefined : AbortSignal.timeout(options.timeout),
    killSignal: "SIGKILL",
  });
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => stdout.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => stderr.push(chunk));
  // A program may end without reading its input: that is no error.
  child.stdin.on("error", () => {});
  child.stdin.end(options.input);
  return new Promise((resolve, reject) => {
    child.on("error", (error) => {
      const why = error.name === "AbortError" ? `did not end within ${options.timeout} ms` : error.message;
      reject(new Error(`${argv.join(" ")}: ${why}\n${Buffer.concat(stderr)}${Buffer.concat(stdout)}`));
    });
    child.on("close", (code, signal) =>
      resolve({
        code: exitStatus(code, signal),
        stdout: Buffer.concat(stdout).toString(),
        stderr: Buffer.concat(stderr).toString(),
      }),
    );
  });
}

/** Runs a program that must succeed, and returns its stdout. The error has its argv and output. */
export async function run(argv: readonly string[], options?: RunOptions): Promise<string> {
  const result = await capture(argv, options);
  if (result.code !== 0) {
    throw new Error(
      `${argv.join(" ")}: exit ${result.code}\n${result.stderr}${result.stdout}${options?.input ?? ""}`,
    );
  }
  return result.stdout;
}
