/** `skein token revoke`. */
import { withApi } from "../client.ts";
import { defineCommand, JSON_OPTION } from "../command.ts";
import { print, printJson } from "../print.ts";

export const tokenRevoke = defineCommand({
  options: JSON_OPTION,
  positionals: { name: "ID", min: 1, max: 1 },
  notes: "ID as skein token ls shows it. Tokens that were made with it stay good: revoke them, too.",
  async run({ options, positionals: [id] }) {
    await withApi((skein) => skein.revokeToken({ path: { id: id! } }));
    if (options.json) printJson({ id, revoked: true });
    else print(`${id} is revoked`);
  },
});
