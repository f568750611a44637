/** `skein plan`: what would run where, or why it cannot. */
import { renderPlan } from "../../shared/plan/plan-view.ts";
import { withApi } from "../client.ts";
import { defineCommand, JSON_OPTION } from "../command.ts";
import { REQUEST_NOTES, REQUEST_OPTIONS, readRequest } from "../request.ts";

export const plan = defineCommand({
  options: { ...REQUEST_OPTIONS, ...JSON_OPTION },
  rest: "COMMAND",
  notes: REQUEST_NOTES,
  async run({ options, rest }) {
    const body = readRequest(options, rest);
    const view = await withApi((skein) => skein.planSession({ body }));
    process.stdout.write(options.json ? `${JSON.stringify(view)}\n` : renderPlan(view));
  },
});
