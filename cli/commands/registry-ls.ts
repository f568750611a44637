/** `skein registry ls`. */
import { withApi } from "../client.ts";
import { defineCommand, JSON_OPTION } from "../command.ts";
import { allOf } from "../pages.ts";
import { print, printJson } from "../print.ts";
import { table } from "../table.ts";

export const registryLs = defineCommand({
  options: JSON_OPTION,
  async run({ options }) {
    const registries = await withApi((skein) => allOf(skein.registries()));
    if (options.json) return printJson(registries);
    const rows = registries.map(({ host, username, updatedAt }) => [host, username, updatedAt]);
    print(table(["HOST", "USER", "UPDATED"], rows));
  },
});
