/** `skein node ls`. */
import { withApi } from "../client.ts";
import { defineCommand, JSON_OPTION } from "../command.ts";
import { nodeTable } from "../node-text.ts";
import { allOf } from "../pages.ts";
import { print, printJson } from "../print.ts";

export const nodeLs = defineCommand({
  options: JSON_OPTION,
  async run({ options }) {
    const nodes = await withApi((skein) => allOf(skein.nodes()));
    if (options.json) printJson(nodes);
    else print(nodeTable(nodes));
  },
});
