/** `skein wait`. */
import { withApi } from "../client.ts";
import { defineCommand, JSON_OPTION } from "../command.ts";
import { print, printJson, say } from "../print.ts";
import { oneOf } from "../values.ts";
import { untilEnded, untilSettled } from "../wait.ts";

const UNTIL = { ended: untilEnded, running: untilSettled };

export const wait = defineCommand({
  options: {
    for: {
      type: "string",
      value: "STATE",
      about: "ended (default): until nothing of it runs; or running: until it runs, or has ended",
    },
    ...JSON_OPTION,
  },
  positionals: { name: "SESSION", min: 1, max: 1 },
  notes:
    "Prints the status then. Exit code 0 for terminated and running, 1 for failed, with the reason on stderr.\n" +
    "An API that is away, or restarts, only delays it.",
  async run({ options, positionals: [id] }) {
    const until = UNTIL[oneOf("for", ["ended", "running"], options.for ?? "ended")];
    const session = await withApi(async (skein) =>
      until(skein, await skein.getSession({ path: { id: id! } })),
    );
    if (options.json) printJson(session);
    else print(session.status);
    if (session.status !== "failed") return 0;
    if (!options.json) say(session.reason ?? "");
    return 1;
  },
});
