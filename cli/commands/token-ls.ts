/** `skein token ls`. */
import type { Token } from "../../sdk/index.ts";
import { withApi } from "../client.ts";
import { defineCommand, JSON_OPTION } from "../command.ts";
import { allOf } from "../pages.ts";
import { print, printJson } from "../print.ts";
import { table } from "../table.ts";
import { colored } from "../terminal-text.ts";

export const tokenLs = defineCommand({
  options: JSON_OPTION,
  async run({ options }) {
    const tokens = await withApi((skein) => allOf(skein.tokens()));
    if (options.json) {
      printJson(tokens);
      return;
    }
    const now = Date.now();
    const rows = tokens.map((token) => [
      token.id,
      token.project,
      token.role,
      colored(state(token, now)),
      token.expiresAt,
      token.note ?? "",
    ]);
    print(table(["ID", "PROJECT", "ROLE", "STATUS", "EXPIRES", "NOTE"], rows));
  },
});

function state({ revokedAt, expiresAt }: Token, now: number): "revoked" | "expired" | "active" {
  if (revokedAt !== null) return "revoked";
  return Date.parse(expiresAt) <= now ? "expired" : "active";
}
