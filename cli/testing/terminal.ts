/** Runs a command on a terminal (a pseudo terminal of `script`, util-linux). */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, readlinkSync } from "node:fs";
import { Screen } from "./screen.ts";

export interface OnTerminal {
  screen: Screen;
  /** Keys, as a terminal sends them: Ctrl-C is `\x03`. */
  type(keys: string): void;
  /** As when somebody drags the window's corner: the command gets SIGWINCH. */
  resize(columns: number, rows: number): void;
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
    resize(columns, rows) {
      screen.columns = columns;
      execFileSync("stty", ["-F", terminalOf(child.pid!), "columns", `${columns}`, "rows", `${rows}`]);
    },
    exit: once(child, "close").then(([code]) => code as number),
  };
}

/** The device that the child of `script` has as stdin. */
function terminalOf(script: number): string {
  const [child] = readFileSync(`/proc/${script}/task/${script}/children`, "utf8").split(" ");
  return readlinkSync(`/proc/${child}/fd/0`);
}
