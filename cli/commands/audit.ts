/** `skein audit`. */
import { withApi } from "../client.ts";
import { defineCommand, JSON_OPTION } from "../command.ts";
import { allOf } from "../pages.ts";
import { print, printJson } from "../print.ts";
import { table } from "../table.ts";
import { wholeNumber } from "../values.ts";

export const audit = defineCommand({
  options: {
    limit: { type: "string", value: "N", about: "how many entries, the newest first (default 50)" },
    ...JSON_OPTION,
  },
  notes:
    "Entries with status 101 are ways into containers, those from 400 on refusals. docs/access.md says how long entries are kept.",
  async run({ options }) {
    const limit = wholeNumber("limit", options.limit ?? "50");
    const entries = await withApi((skein) => allOf(skein.audit(), limit));
    if (options.json) {
      printJson(entries);
      return;
    }
    const rows = entries.map(({ at, actor, project, action, target, status, code }) => [
      at,
      actor ?? "-",
      project ?? "-",
      action,
      target ?? "-",
      code === undefined ? String(status) : `${status} ${code}`,
    ]);
    print(table(["AT", "ACTOR", "PROJECT", "ACTION", "TARGET", "STATUS"], rows));
  },
});
