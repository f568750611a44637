/** Runs the user's OpenSSH client. */
import { spawn } from "node:child_process";
import { constants } from "node:os";
import { noOpenSsh } from "./default-key.ts";

/** Resolves with its exit code; 128 + signal if a signal ended it. @throws CliError where there is no ssh */
export async function runSsh(args: readonly string[]): Promise<number> {
  // The terminal's signals reach ssh as well, which decides what they do.
  const ignore = () => {};
  process.on("SIGINT", ignore).on("SIGQUIT", ignore);
  const child = spawn("ssh", args, { stdio: "inherit" });
  for (const signal of ["SIGTERM", "SIGHUP"] as const) process.on(signal, () => child.kill(signal));
  return await new Promise((resolve, reject) => {
    child.once("error", (error: NodeJS.ErrnoException) =>
      reject(error.code === "ENOENT" ? noOpenSsh("ssh") : error),
    );
    child.once("close", (code, signal) => resolve(code ?? 128 + constants.signals[signal!]));
  });
}
