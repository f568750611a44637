/** Runs a command on a terminal (a pseudo terminal of `script`, util-linux). */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { Screen } from "./screen.ts";

export interface OnTerminal {
  screen: Screen;
  /** Keys, as a terminal sends them: Ctrl-C is `\x03`. */
  type(keys: string): void;
  /** Resolves with the exit code. */
  exit: Promise<number>;
}

/** `argv` must need no quoting. */
export function onTerminal(
  argv: readonly string[],
  env: NodeJS.ProcessEnv,
  { columns, rows }: { columns: number; rows: number },
): OnTerminal {
  const screen = new Screen(columns, rows);
  const command = `stty columns ${columns} rows ${rows} && exec ${argv.join(" ")}`;
  const child = spawn("script", ["--quiet", "--flush", "--return", "--command", command, "/dev/null"], {
    env: { ...env, NO_COLOR: "1", TERM: "xterm" },
    stdio: ["pipe", "pipe", "inherit"],
  });
  child.stdout.setEncoding("utf8").on("data", (text: string) => screen.write(text));
  return {
    screen,
    type: (keys) => void child.stdin.write(keys),
    exit: once(child, "close").then(([code]) => code as number),
  };
}
