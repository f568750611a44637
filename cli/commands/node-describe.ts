/** `skein node describe`. */
import { withApi } from "../client.ts";
import { defineCommand, JSON_OPTION } from "../command.ts";
import { nodeText } from "../node-text.ts";
import { print, printJson } from "../print.ts";

export const nodeDescribe = defineCommand({
  options: JSON_OPTION,
  positionals: { name: "NODE", min: 1, max: 1 },
  async run({ options, positionals: [id] }) {
    const node = await withApi((skein) => skein.getNode({ path: { id: id! } }));
    if (options.json) printJson(node);
    else print(nodeText(node));
  },
});
