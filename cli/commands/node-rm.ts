/** `skein node rm`. */
import { withApi } from "../client.ts";
import { defineCommand, JSON_OPTION } from "../command.ts";
import { print, printJson } from "../print.ts";

export const nodeRm = defineCommand({
  options: {
    ...JSON_OPTION,
    force: { type: "boolean", about: "also while it has work; its sessions then fail" },
  },
  positionals: { name: "NODE", min: 1, max: 1 },
  notes: "The node's agent ends. To join again it needs a new token.",
  async run({ options, positionals: [id] }) {
    await withApi((skein) =>
      skein.removeNode({ path: { id: id! }, ...(options.force ? { query: { force: "true" } } : {}) }),
    );
    if (options.json) printJson({ node: id, forgotten: true });
    else print(`${id} is forgotten`);
  },
});
