/** `skein ps`. */

import type { Session, Skein } from "../../sdk/index.ts";
import { SESSION_STATES, SESSION_STATUSES } from "../../shared/session/lifecycle.ts";
import { withApi } from "../client.ts";
import { defineCommand, JSON_OPTION } from "../command.ts";
import { allPages } from "../pages.ts";
import { print, printJson } from "../print.ts";
import { age } from "../session-text.ts";
import { table } from "../table.ts";
import { colored } from "../terminal-text.ts";

export const ps = defineCommand({
  options: {
    all: { type: "boolean", short: "a", about: "ended ones, too" },
    ...JSON_OPTION,
  },
  async run({ options }) {
    const sessions = await withApi((skein) => (options.all ? all(skein) : live(skein)));
    if (options.json) {
      printJson(sessions);
      return;
    }
    const now = Date.now();
    const rows = sessions.map((session) => [
      session.name,
      session.id,
      colored(session.status),
      session.clusterMode,
      String(session.clusterSize),
      [...new Set(session.containers.flatMap(({ node }) => node ?? []))].join(",") || "-",
      age(session.createdAt, now),
      session.reason ?? "",
    ]);
    print(table(["NAME", "ID", "STATUS", "MODE", "SIZE", "NODES", "AGE", "REASON"], rows));
  },
});

function all(skein: Skein): Promise<Session[]> {
  return allPages((query) => skein.listSessions({ query }));
}

/** One list for each live status: each is short, while ended sessions only become more. Newest first. */
async function live(skein: Skein): Promise<Session[]> {
  const statuses = SESSION_STATUSES.filter((status) => SESSION_STATES[status].live);
  const lists = await Promise.all(
    statuses.map((status) => allPages((query) => skein.listSessions({ query: { ...query, status } }))),
  );
  // A session whose status changes between the requests may be in two lists.
  const byId = new Map(lists.flat().map((session) => [session.id, session]));
  return [...byId.values()].sort((a, b) => (a.createdAt < b.createdAt ? 1 : -1));
}
