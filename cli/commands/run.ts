/** `skein run`: a session, from request to running; with a command, to its end. */
import { runAttached } from "../attached-run.ts";
import { withApi } from "../client.ts";
import { defineCommand, JSON_OPTION } from "../command.ts";
import { failedOutput } from "../last-output.ts";
import { print, printJson, say } from "../print.ts";
import { REQUEST_NOTES, REQUEST_OPTIONS, readRequest } from "../request.ts";
import { failureText, sessionText } from "../session-text.ts";
import { withDefaultKey } from "../ssh/default-key.ts";
import { untilSettled } from "../wait.ts";

const NOTES =
  "With COMMAND it is a job: prints the command's output, exits with its code, and leaves nothing of it. Ctrl-C ends it.\n" +
  "Without, the session idles, to be entered: returns once it runs.";

export const run = defineCommand({
  options: {
    ...REQUEST_OPTIONS,
    detach: { type: "boolean", short: "d", about: "return at once" },
    ...JSON_OPTION,
  },
  rest: "COMMAND",
  notes: `${NOTES}\n${REQUEST_NOTES}`,
  async run({ options, rest }) {
    const body = withDefaultKey(readRequest(options, rest));
    return withApi(async (skein) => {
      const created = await skein.createSession({ body });
      if (rest.length > 0 && !options.detach) {
        const { session, code } = await runAttached(skein, created, {
          each: options.each,
          // stdout is the answer: with --json that is the session.
          output: options.json ? "stderr" : "stdout",
        });
        if (options.json) printJson(session);
        return code;
      }
      const interrupted = () => {
        say(
          `\n${created.name} goes on; skein describe ${created.name} shows it, skein rm ${created.name} ends it`,
        );
        process.exit(130);
      };
      process.once("SIGINT", interrupted);
      const session = options.detach ? created : await untilSettled(skein, created, "start");
      process.off("SIGINT", interrupted);
      if (options.json) printJson(session);
      else print(session.status === "failed" ? failureText(session) : sessionText(session));
      if (session.status !== "failed") return 0;
      const output = failedOutput(session);
      if (output !== undefined) say(output);
      return 1;
    });
  },
});
