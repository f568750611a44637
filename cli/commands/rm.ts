/** `skein rm`. */
import type { Session } from "../../sdk/index.ts";
import { withApi } from "../client.ts";
import { defineCommand, JSON_OPTION } from "../command.ts";
import { print, printJson } from "../print.ts";
import { headline } from "../session-text.ts";
import { untilEnded } from "../wait.ts";

export const rm = defineCommand({
  options: {
    detach: { type: "boolean", short: "d", about: "do not wait until they have ended" },
    ...JSON_OPTION,
  },
  positionals: { name: "SESSION", min: 1, max: Number.POSITIVE_INFINITY },
  notes: "Returns when nothing of them is left on any connected node.",
  async run({ options, positionals }) {
    await withApi(async (skein) => {
      // All get the request before the command waits for any.
      const ending: Session[] = [];
      for (const id of positionals) ending.push(await skein.endSession({ path: { id } }));
      for (const session of ending) {
        const ended = options.detach ? session : await untilEnded(skein, session);
        if (options.json) printJson(ended);
        else print(headline(ended));
      }
    });
  },
});
