/** `skein registry rm`. */
import { withApi } from "../client.ts";
import { defineCommand } from "../command.ts";
import { print } from "../print.ts";

export const registryRm = defineCommand({
  options: {},
  positionals: { name: "HOST", min: 1, max: 1 },
  async run({ positionals: [host] }) {
    await withApi((skein) => skein.removeRegistry({ path: { host: host! } }));
    print(`sessions of this project pull from ${host} without credentials now`);
  },
});
