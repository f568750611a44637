/** `skein join-token`. */
import { withApi } from "../client.ts";
import { defineCommand, JSON_OPTION } from "../command.ts";
import { print, printJson, say } from "../print.ts";

export const joinToken = defineCommand({
  options: JSON_OPTION,
  notes: "On the machine that joins: skein agent --api URL --join TOKEN",
  async run({ options }) {
    const created = await withApi((skein) => skein.createJoinToken());
    if (options.json) return printJson(created);
    print(created.token);
    say(`good for one node, until ${created.expiresAt}`);
  },
});
