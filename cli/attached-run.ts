/** `skein run … -- COMMAND`: the session as a job. Its output is ours, its exit code is ours, and nothing of it is left. */
import type { Session, Skein } from "../sdk/index.ts";
import { INTERRUPTED } from "./attach.ts";
import { sayAway } from "./away.ts";
import { CliError } from "./cli-error.ts";
import { type Download, type Downloaded, downloadFrom, type Upload, uploadTo } from "./files/transfers.ts";
import { isAtGate } from "./followed-session.ts";
import { LinePrinter } from "./line-printer.ts";
import { isFinal } from "./passing.ts";
import { say, whenReaderGone } from "./print.ts";
import { headline } from "./session-text.ts";
import { text } from "./terminal-text.ts";
import { untilEnded, untilReady, untilSettled } from "./wait.ts";

interface Attached {
  /** The command runs in all containers, so all print, with prefixes. */
  each: boolean;
  output: "stdout" | "stderr";
  uploads: readonly Upload[];
  /** Opens the gate after the uploads. */
  opensGate: boolean;
  downloads: readonly Download[];
}

/** Resolves with the ended session and our exit code. */
export async function runAttached(
  skein: Skein,
  created: Session,
  { each, output, uploads, opensGate, downloads }: Attached,
): Promise<{ session: Session; code: number }> {
  const interrupt = endOnInterrupt(skein, created);
  endWithReader(skein, created);
  try {
    // A command may end at once, so the session may have ended already.
    if (uploads.length > 0) await untilSettled(skein, await fill(skein, created, uploads, opensGate));
    else await untilSettled(skein, created, "start");
    const printed = printOutput(skein, created, each, output);
    // The containers that print on are removed after the downloads: those cannot wait for the last line of all.
    if (!each) await printed;
    const isWhole = downloads.length === 0 || (await bringResults(skein, created, downloads));
    await printed;
    const session = await untilEnded(skein, await latest(skein, created.id));
    if (interrupt.interrupted) return { session, code: INTERRUPTED };
    return { session, code: codeOf(session) || (isWhole ? 0 : 1) };
  } catch (error) {
    if (!interrupt.interrupted) throw error;
    return { session: await untilEnded(skein, await latest(skein, created.id)), code: INTERRUPTED };
  } finally {
    interrupt.off();
  }
}

/** Puts files into a session that has a manual gate, once it waits there. If that fails, the session ends. @throws CliError, ApiProblem */
export async function fill(
  skein: Skein,
  created: Session,
  uploads: readonly Upload[],
  opensGate: boolean,
): Promise<Session> {
  const { id } = created;
  const ready = await untilReady(skein, created, "start");
  if (!isAtGate(ready)) return ready;
  try {
    for (const each of uploads) await uploadTo(skein, id, each);
    return opensGate ? await skein.startSession({ path: { id } }) : ready;
  } catch (error) {
    await skein.endSession({ path: { id } }).then((ending) => untilEnded(skein, ending));
    throw error;
  }
}

/**
 * main1's containers stay for a while after its command (`holdAtEnd`), and until its session is ended. Resolves to whether all is here.
 */
async function bringResults(
  skein: Skein,
  { id, name }: Session,
  downloads: readonly Download[],
): Promise<boolean> {
  const { status, containers } = await skein.waitUntil(id, (each) => !BEFORE_END.includes(each.status));
  if (status !== "terminating" || containers[0]?.status !== "exited") {
    say(text`nothing is downloaded: ${name} did not end with main1's command`);
    return false;
  }
  const ends: Downloaded[] = [];
  for (const each of downloads) ends.push(await downloadFrom(skein, { id, name }, each));
  if (ends.includes("kept")) throw new CliError(`not everything of ${name} is downloaded`);
  await skein.endSession({ path: { id } });
  return ends.every((end) => end === "done");
}

const BEFORE_END: readonly Session["status"][] = ["pending", "preparing", "starting", "running"];

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
