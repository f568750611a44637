/** `skein run`: a session, from request to running; with a command, to its end. */
import type { Session, SessionRequest, Skein } from "../../sdk/index.ts";
import { INTERRUPTED } from "../attach.ts";
import { fill, runAttached } from "../attached-run.ts";
import { UsageError } from "../cli-error.ts";
import { withApi } from "../client.ts";
import { defineCommand, JSON_OPTION, type Values } from "../command.ts";
import { downloadsGiven, type Upload, uploadsGiven } from "../files/transfers.ts";
import { isAtGate } from "../followed-session.ts";
import { failedOutput } from "../last-output.ts";
import { print, printJson, say } from "../print.ts";
import { REQUEST_NOTES, REQUEST_OPTIONS, readRequest } from "../request.ts";
import { failureText, sessionText } from "../session-text.ts";
import { withDefaultKey } from "../ssh/default-key.ts";
import { text } from "../terminal-text.ts";
import { untilReady } from "../wait.ts";

const NOTES =
  "With COMMAND it is a job: prints the command's output, exits with its code, and leaves nothing of it. Ctrl-C ends it.\n" +
  "Without, the session idles, to be entered: returns once it runs.";

export const run = defineCommand({
  options: {
    ...REQUEST_OPTIONS,
    upload: {
      type: "string",
      multiple: true,
      value: "DIR[:TARGET]",
      about: "put what is in DIR into TARGET (default: the working directory) of every container first",
    },
    download: {
      type: "string",
      multiple: true,
      value: "PATH[:DIR]",
      about: "bring PATH of main1 into DIR (default: here) once COMMAND has ended, whatever its exit code",
    },
    detach: { type: "boolean", short: "d", about: "return at once" },
    ...JSON_OPTION,
  },
  rest: "COMMAND",
  notes: `${NOTES}\n${REQUEST_NOTES}`,
  async run({ options, rest }) {
    const { body, uploads, downloads, opensGate } = await prepared(options, rest);
    return withApi(async (skein) => {
      const created = await skein.createSession({ body });
      if (isAttached(options, rest)) {
        const { session, code } = await runAttached(skein, created, {
          each: options.each,
          // stdout is the answer: with --json that is the session.
          output: options.json ? "stderr" : "stdout",
          uploads,
          opensGate,
          downloads,
        });
        if (options.json) printJson(session);
        return code;
      }
      const session = await started(skein, created, { uploads, opensGate, detach: options.detach });
      if (options.json) printJson(session);
      else print(session.status === "failed" ? failureText(session) : sessionText(session));
      if (isAtGate(session)) say(`skein start ${session.name} opens its gate`);
      if (session.status !== "failed") return 0;
      const output = failedOutput(session);
      if (output !== undefined) say(output);
      return 1;
    });
  },
});

type RunValues = Values<typeof run.options>;

function isAttached({ detach }: Pick<RunValues, "detach">, rest: readonly string[]): boolean {
  return rest.length > 0 && !detach;
}

/** How long results wait for this command to fetch them; it ends the session as soon as it has them. */
const HOLD_SECONDS = 3600;

/** The request, with what the transfers need. @throws CliError */
async function prepared(options: RunValues, rest: readonly string[]) {
  const request = withDefaultKey(readRequest(options, rest));
  const uploads = await uploadsGiven(options.upload);
  const downloads = downloadsGiven(options.download);
  if (downloads.length > 0 && !isAttached(options, rest))
    throw new UsageError(
      "--download needs -- COMMAND, and excludes --detach: it waits for the command's end",
    );
  const body: SessionRequest = {
    ...request,
    ...(uploads.length > 0 ? { gate: "manual" as const } : {}),
    ...(downloads.length > 0 ? { holdAtEnd: request.holdAtEnd ?? HOLD_SECONDS } : {}),
  };
  // Who wants a manual gate opens it, too.
  return { body, uploads, downloads, opensGate: request.gate !== "manual" };
}

interface Start {
  uploads: readonly Upload[];
  opensGate: boolean;
  detach: boolean;
}

/** Until it runs, or waits to be started; with `detach` only until its files are in it. */
async function started(
  skein: Skein,
  created: Session,
  { uploads, opensGate, detach }: Start,
): Promise<Session> {
  const { id, name } = created;
  let isFilled = uploads.length === 0;
  const interrupted = async () => {
    say(
      isFilled
        ? text`${name} goes on; skein describe ${name} shows it, skein rm ${name} ends it`
        : text`ending ${name}: its files are not in it yet`,
    );
    if (!isFilled) await skein.endSession({ path: { id } }).catch(() => {});
    process.exit(INTERRUPTED);
  };
  process.once("SIGINT", interrupted);
  try {
    if (isFilled) return detach ? created : await untilReady(skein, created, "start");
    const filled = await fill(skein, created, uploads, opensGate);
    isFilled = true;
    return detach ? filled : await untilReady(skein, filled);
  } finally {
    process.off("SIGINT", interrupted);
  }
}
