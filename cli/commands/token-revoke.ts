/** `skein token revoke`. */
import { withApi } from "../client.ts";
import { defineCommand } from "../command.ts";
import { print } from "../print.ts";

export const tokenRevoke = defineCommand({
  options: {},
  positionals: { name: "ID", min: 1, max: 1 },
  notes: "ID as skein token ls shows it. Tokens that were made with it stay good: revoke them, too.",
  async run({ positionals: [id] }) {
    await withApi((skein) => skein.revokeToken({ path: { id: id! } }));
    print(`${id} is revoked`);
  },
});
