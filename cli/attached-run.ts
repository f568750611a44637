/** `skein run … -- COMMAND`: the session as a job. Its output is ours, its exit code is ours, and nothing of it is left. */
import type { Session, Skein } from "../sdk/index.ts";
import { INTERRUPTED } from "./attach.ts";
import { sayAway } from "./away.ts";
import { LinePrinter } from "./line-printer.ts";
import { isFinal } from "./passing.ts";
import { say, whenReaderGone } from "./print.ts";
import { headline } from "./session-text.ts";
import { text } from "./terminal-text.ts";
import { untilEnded, untilSettled } from "./wait.ts";

/** `each`: the command runs in all containers, so all print, with prefixes. Resolves with the ended session and our exit code. */
export async function runAttached(
  skein: Skein,
  created: Session,
  { each, output }: { each: boolean; output: "stdout" | "stderr" },
): Promise<{ session: Session; code: number }> {
  const interrupt = endOnInterrupt(skein, created);
  endWithReader(skein, created);
  try {
    // A command may end at once, so the session may have ended already.
    await untilSettled(skein, created, "start");
    await printOutput(skein, created, each, output);
    const session = await untilEnded(skein, await latest(skein, created.id));
    return { session, code: interrupt.interrupted ? INTERRUPTED : codeOf(session) };
  } finally {
    interrupt.off();
  }
}

async function printOutput(
  skein: Skein,
  { id, containers }: Session,
  each: boolean,
  output: "stdout" | "stderr",
): Promise<void> {
  const hosts = each ? containers.map(({ host }) => host) : ["main1"];
  const printer = new LinePrinter(hosts, { output });
  const only = each ? {} : { host: "main1" };
  try {
    const onConnection = sayAway((line) => {
      printer.freshLine();
      say(line);
    });
    const lines = skein.logs({ session: id, follow: true, ...only, onConnection });
    for await (const line of lines) await printer.print(line);
  } catch (error) {
    // Without a plan there is no output. The session's reason says the rest.
    if (!isFinal(error)) throw error;
  } finally {
    printer.freshLine();
  }
}

async function latest(skein: Skein, id: string): Promise<Session> {
  for (;;) {
    try {
      return await skein.getSession({ path: { id } });
    } catch (error) {
      if (isFinal(error)) throw error;
      await new Promise((resolve) => setTimeout(resolve, 1000));
    }
  }
}

/** main1's exit code. Where something else has ended the session, that is said, and a failure is 1. */
function codeOf(session: Session): number {
  if (session.exitCode !== null) return session.exitCode;
  say(headline(session));
  return session.status === "failed" ? 1 : 0;
}

/** `skein run … | head`: nobody wants the rest, so the session ends, and nobody waits for that. */
function endWithReader(skein: Skein, { id }: Session): void {
  whenReaderGone(() => {
    skein
      .endSession({ path: { id } })
      .catch(() => {})
      .finally(() => process.exit(0));
  });
}

/** The first Ctrl-C ends the session and waits, the second leaves at once. */
function endOnInterrupt(skein: Skein, { id, name }: Session) {
  const state = { interrupted: false, off: () => {} };
  const interrupt = () => {
    if (state.interrupted) process.exit(INTERRUPTED);
    state.interrupted = true;
    say(text`ending ${name}; Ctrl-C again leaves at once`);
    skein
      .endSession({ path: { id } })
      .catch((error: Error) => say(text`${name} cannot be ended: ${error.message}`));
  };
  process.on("SIGINT", interrupt).on("SIGTERM", interrupt);
  state.off = () => process.off("SIGINT", interrupt).off("SIGTERM", interrupt);
  return state;
}
