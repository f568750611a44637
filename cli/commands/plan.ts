/** `skein plan`: what would run where, or why it cannot. */
import { renderPlan } from "../../shared/plan/plan-view.ts";
import { withApi } from "../client.ts";
import { defineCommand, JSON_OPTION } from "../command.ts";
import { print, printJson } from "../print.ts";
import { REQUEST_NOTES, REQUEST_OPTIONS, readRequest } from "../request.ts";

export const plan = defineCommand({
  options: { ...REQUEST_OPTIONS, ...JSON_OPTION },
  rest: "COMMAND",
  notes: REQUEST_NOTES,
  async run({ options, rest }) {
    const body = readRequest(options, rest);
    const view = await withApi((skein) => skein.planSession({ body }));
    if (options.json) printJson(view);
    else print(renderPlan(view).trimEnd());
  },
});
