/** The one way in which the agent runs host commands: argument lists, never a shell. */
import { spawn } from "node:child_process";

export type RunOptions = {
  /** Written to the command's stdin, which is empty otherwise. */
  input?: string;
  /** Then the command is killed and fails; 30 s unless told. */
  timeoutMs?: number;
};

/** Resolves to stdout; rejects with HostCommandError. Tests put a recording one in its place and compare the lines. */
export type Runner = { run(argv: readonly string[], options?: RunOptions): Promise<string> };

/** Enough of a command's output to tell what was wrong with it. */
const KEPT_BYTES = 4096;

/** A host command that could not be started, was killed, or ended with anything but 0. Its input is not kept: it may be long. */
export class HostCommandError extends Error {
  override readonly name = "HostCommandError";
  readonly argv: readonly string[];
  /** null: it did not start, or a signal ended it. */
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

/** `sbin` is where ip, bridge and nft are, and not on every user's PATH. LC_ALL=C keeps messages in the words we look for. */
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
      // A command that ends without reading its input is judged by its exit code, not by the broken pipe.
      child.stdin.on("error", () => {});
      child.stdin.end(input);
    });
  },
};
