/** `skein node cordon` and `skein node uncordon`: sessions on the node go on either way. */
import { withApi } from "../client.ts";
import { defineCommand, JSON_OPTION } from "../command.ts";
import { nodeTable } from "../node-text.ts";
import { print, printJson } from "../print.ts";

export const nodeCordon = scheduling(false);
export const nodeUncordon = scheduling(true);

function scheduling(schedulable: boolean) {
  return defineCommand({
    options: JSON_OPTION,
    positionals: { name: "NODE", min: 1, max: 1024 },
    async run({ options, positionals }) {
      const nodes = await withApi(async (skein) => {
        // A name that is wrong changes nothing.
        await Promise.all(positionals.map((id) => skein.getNode({ path: { id } })));
        return await Promise.all(
          positionals.map((id) => skein.patchNode({ path: { id }, body: { schedulable } })),
        );
      });
      if (options.json) printJson(nodes);
      else print(nodeTable(nodes));
    },
  });
}
