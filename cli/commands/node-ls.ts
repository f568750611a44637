/** `skein node ls`. */
import { withApi } from "../client.ts";
import { defineCommand, JSON_OPTION } from "../command.ts";
import { nodeTable } from "../node-text.ts";
import { allPages } from "../pages.ts";

export const nodeLs = defineCommand({
  options: JSON_OPTION,
  async run({ options }) {
    const nodes = await withApi((skein) => allPages((query) => skein.listNodes({ query })));
    console.log(options.json ? JSON.stringify(nodes) : nodeTable(nodes));
  },
});
