/** `skein registry rm`. */
import { withApi } from "../client.ts";
import { defineCommand, JSON_OPTION } from "../command.ts";
import { print, printJson } from "../print.ts";

export const registryRm = defineCommand({
  options: JSON_OPTION,
  positionals: { name: "HOST", min: 1, max: 1 },
  async run({ options, positionals: [host] }) {
    await withApi((skein) => skein.removeRegistry({ path: { host: host! } }));
    if (options.json) printJson({ host, removed: true });
    else print(`sessions of this project pull from ${host} without credentials now`);
  },
});
