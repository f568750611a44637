/** `skein start`. */
import { withApi } from "../client.ts";
import { defineCommand, JSON_OPTION } from "../command.ts";
import { print, printJson } from "../print.ts";
import { headline } from "../session-text.ts";

export const start = defineCommand({
  options: JSON_OPTION,
  positionals: { name: "SESSION", min: 1, max: 1 },
  notes:
    'For one that was made with gate: "manual". Before its time that is remembered, and it will not wait.',
  async run({ options, positionals: [id] }) {
    const session = await withApi((skein) => skein.startSession({ path: { id: id! } }));
    if (options.json) printJson(session);
    else print(headline(session));
  },
});
