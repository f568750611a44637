/** `skein join-token`. */
import { withApi } from "../client.ts";
import { defineCommand, JSON_OPTION } from "../command.ts";

export const joinToken = defineCommand({
  options: JSON_OPTION,
  notes: "On the machine that joins: skein agent --api URL --join TOKEN",
  async run({ options }) {
    const created = await withApi((skein) => skein.createJoinToken());
    console.log(options.json ? JSON.stringify(created) : created.token);
    if (!options.json) console.error(`good for one node, until ${created.expiresAt}`);
  },
});
