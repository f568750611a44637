/** Runs all host commands of the agent: as argument lists, never through a shell. */
import { spawn } from "node:child_process";

export type RunOptions = {
  /** For the command's stdin; empty by default. */
  input?: string;
  /** After this time the command is killed and fails. 30 s by default. */
  timeoutMs?: number;
};

/** Resolves to stdout. @throws HostCommandError. Tests use a recording runner and compare the lines. */
export type Runner = { run(argv: readonly string[], options?: RunOptions): Promise<string> };

/** How much of a command's output an error keeps. */
const KEPT_BYTES = 4096;

/** A host command did not start, was killed, or did not exit with 0. Its input is not kept, since it may be long. */
export class HostCommandError extends Error {
  override readonly name = "HostCommandError";
  readonly argv: readonly string[];
  /** null when it did not start, or when a signal ended it. */
  readonly exitCode: number | null;
  /** The last 4 KiB of each. */
  readonly stdout: string;
  readonly stderr: string;

  constructor(argv: readonly string[], how: string, exitCode: number | null, stdout = "", stderr = "") {
    const said = stderr.trim() || stdout.trim();
    super(`${argv.join(" ")} ${how}${said === "" ? "" : `: ${said.slice(-KEPT_BYTES)}`}`);
    this.argv = argv;
    this.exitCode = exitCode;
    this.stdout = stdout.slice(-KEPT_BYTES);
    this.stderr = stderr.slice(-KEPT_BYTES);
  }
}

/** ip, bridge and nft are in `sbin`, which is not on every user's PATH. LC_ALL=C keeps messages in English, for our patterns. */
function environment(): NodeJS.ProcessEnv {
  return { PATH: `${process.env["PATH"] ?? "/usr/bin:/bin"}:/usr/local/sbin:/usr/sbin:/sbin`, LC_ALL: "C" };
}

export const hostRunner: Runner = {
  run(argv, { input = "", timeoutMs = 30_000 } = {}) {
    return new Promise((resolve, reject) => {
      const [file, ...args] = argv;
      const child = spawn(file!, args, { env: environment(), stdio: "pipe" });
      const output = { stdout: "", stderr: "" };
      let late = false;
      const timer = setTimeout(() => {
        late = true;
        child.kill("SIGKILL");
      }, timeoutMs);
      for (const name of ["stdout", "stderr"] as const) {
        child[name].setEncoding("utf8").on("data", (text: string) => {
          output[name] += text;
        });
      }
      const fail = (how: string, code: number | null) =>
        reject(new HostCommandError(argv, how, code, output.stdout, output.stderr));
      child.on("error", (error) => {
        clearTimeout(timer);
        fail(`could not be run (${error.message})`, null);
      });
      child.on("close", (code, signal) => {
        clearTimeout(timer);
        if (code === 0) resolve(output.stdout);
        else if (late) fail(`took longer than ${timeoutMs} ms and was killed`, null);
        else fail(signal === null ? `exited with ${code}` : `was ended by ${signal}`, code);
      });
      // A command may exit without reading its input: then its exit code counts, not the broken pipe.
      child.stdin.on("error", () => {});
      child.stdin.end(input);
    });
  },
};
