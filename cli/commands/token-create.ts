/** `skein token create`. */
import { ROLES } from "../../shared/access/access.ts";
import { UsageError } from "../cli-error.ts";
import { withApi } from "../client.ts";
import { defineCommand, JSON_OPTION } from "../command.ts";
import { print, printJson, say } from "../print.ts";
import { duration, oneOf } from "../values.ts";

export const tokenCreate = defineCommand({
  options: {
    project: { type: "string", value: "PROJECT", about: "whose sessions its bearer sees and makes" },
    role: { type: "string", value: "ROLE", about: "viewer, user (default) or admin" },
    expires: { type: "string", value: "TIME", about: "like 90s, 30m, 12h or 7d (default 30d)" },
    note: { type: "string", value: "TEXT", about: "what it is for; shown in the list" },
    ...JSON_OPTION,
  },
  notes: "The token is shown once and not stored. Its bearer sets SKEIN_TOKEN to it.",
  async run({ options }) {
    const { project, note } = options;
    if (project === undefined) throw new UsageError("--project is missing");
    const role = oneOf("role", ROLES, options.role ?? "user");
    const expiresIn =
      options.expires === undefined ? {} : { expiresIn: duration("expires", options.expires) };
    const body = { project, role, ...expiresIn, ...(note === undefined ? {} : { note }) };
    const made = await withApi((skein) => skein.createToken({ body }));
    if (options.json) return printJson(made);
    print(made.token);
    say(`${made.id}: role ${made.role} in project ${made.project}, until ${made.expiresAt}`);
  },
});
