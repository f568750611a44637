/** `skein node rm`. */
import { withApi } from "../client.ts";
import { defineCommand } from "../command.ts";

export const nodeRm = defineCommand({
  options: {
    force: { type: "boolean", about: "also while it has work, which then counts as lost" },
  },
  positionals: { name: "NODE", min: 1, max: 1 },
  notes:
    "The node's agent is told that the fleet does not know it any more. To join again it needs a new token.",
  async run({ options, positionals: [id] }) {
    await withApi((skein) =>
      skein.removeNode({ path: { id: id! }, ...(options.force ? { query: { force: "true" } } : {}) }),
    );
    console.log(`${id} is forgotten`);
  },
});
