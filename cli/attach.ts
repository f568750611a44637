/** Joins this process's terminal or pipes with a command that runs in a container. */
import type { Piece, RemoteStream } from "../sdk/index.ts";
import { CliError } from "./cli-error.ts";

/** Exit code of a command that was left with Ctrl-C, as shells have it: 128 + SIGINT. */
export const INTERRUPTED = 130;

/** Size of this terminal; null where stdin and stdout are not both terminals. */
export function terminalSize(): { cols: number; rows: number } | null {
  if (!process.stdin.isTTY || !process.stdout.isTTY) return null;
  return { cols: process.stdout.columns || 80, rows: process.stdout.rows || 24 };
}

/** Whether a person looks at it, or types there. */
export function isTerminal(stream: "stdin" | "stdout"): boolean {
  return process[stream].isTTY === true;
}

/** Attaches until the command ends. Resolves with its exit code. @throws CliError if the stream ends before the command */
export async function attach(
  stream: RemoteStream,
  { tty, stdin }: { tty: boolean; stdin: boolean },
): Promise<number> {
  const leave = tty ? rawTerminal(stream) : passSignals(stream);
  if (stdin) void sendInput(stream);
  try {
    for await (const piece of stream.output()) await pass(piece);
    const { code, reason, exitCode } = await stream.result;
    if (exitCode !== undefined) return exitCode;
    throw new CliError(`the command's end is not known: ${reason || code}`);
  } finally {
    leave();
    process.stdin.destroy();
  }
}

/** Joins stdin and stdout with a connection to a port, until that closes. @throws CliError if it breaks */
export async function attachPort(stream: RemoteStream): Promise<void> {
  const sent = sendInput(stream);
  for await (const piece of stream.output()) await pass(piece);
  // Node cannot close its stdout alone, so the end of the container's side ends ours.
  process.stdin.destroy();
  if (!(await Promise.race([sent, stream.result]))) stream.end();
  const { code, reason } = await stream.result;
  if (code !== "done") throw new CliError(reason || code);
}

/** The bytes are the user's own, so they pass as they are. Waits while the reader of our own output is slow: that holds back the container. */
export async function pass({ from, bytes }: Piece): Promise<void> {
  const out = process[from];
  if (!out.write(bytes)) await new Promise((resolve) => out.once("drain", resolve));
}

/** False if stdin was destroyed before its end, because the stream's output has ended. */
async function sendInput(stream: RemoteStream): Promise<boolean> {
  try {
    for await (const chunk of process.stdin) await stream.write(chunk as Buffer);
    stream.end();
    return true;
  } catch {
    return false;
  }
}

/** Keys go to the container's terminal as they are, Ctrl-C too. Returns how to restore this one. */
function rawTerminal(stream: RemoteStream): () => void {
  const resized = () => stream.resize(process.stdout.columns, process.stdout.rows);
  process.stdin.setRawMode(true);
  process.stdout.on("resize", resized);
  return () => {
    process.stdout.off("resize", resized);
    process.stdin.setRawMode(false);
  };
}

/** Signals go to the command. A second Ctrl-C leaves it. */
function passSignals(stream: RemoteStream): () => void {
  let interrupts = 0;
  const interrupt = () => {
    if (++interrupts > 1) {
      stream.close();
      process.exit(INTERRUPTED);
    }
    stream.signal("INT");
  };
  const others = (["SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2"] as const).map((name) => {
    const pass = () => stream.signal(name.slice("SIG".length));
    process.on(name, pass);
    return () => process.off(name, pass);
  });
  process.on("SIGINT", interrupt);
  return () => {
    process.off("SIGINT", interrupt);
    for (const off of others) off();
  };
}
