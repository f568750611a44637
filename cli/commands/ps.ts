/** `skein ps`. */

import type { Session, Skein } from "../../sdk/index.ts";
import { SESSION_STATES, SESSION_STATUSES } from "../../shared/session/lifecycle.ts";
import { sayAway } from "../away.ts";
import { withApi } from "../client.ts";
import { defineCommand, JSON_OPTION } from "../command.ts";
import { allPages } from "../pages.ts";
import { print, printJson } from "../print.ts";
import { age } from "../session-text.ts";
import { tableLines } from "../table.ts";
import { TerminalBlock } from "../terminal-block.ts";
import { colored, joined, type Text } from "../terminal-text.ts";
import { watchSessions } from "../watch-sessions.ts";

export const ps = defineCommand({
  options: {
    all: { type: "boolean", short: "a", about: "ended ones, too" },
    watch: { type: "boolean", short: "w", about: "show them again whenever one changes" },
    ...JSON_OPTION,
  },
  async run({ options }) {
    await withApi(async (skein) => {
      const list = () => (options.all ? all(skein) : live(skein));
      const inLines = options.json ? printJson : printed;
      const first = await list();
      if (!options.watch) return inLines(first);
      const block = options.json ? undefined : TerminalBlock.on("stdout");
      await watchSessions(skein, {
        list,
        keeps: ({ status }) => options.all || isLive(status),
        show: block ? drawn(block) : inLines,
        onConnection: sayAway(),
      });
    });
  },
});

function printed(sessions: readonly Session[]): void {
  print(joined(sessionLines(sessions)));
}

/** The ages grow without an event. */
const AGE_MS = 10_000;

function drawn(block: TerminalBlock): (sessions: Session[]) => void {
  let shown: Session[] = [];
  const draw = () => {
    const { columns, rows } = block.screen;
    const lines = sessionLines(shown, columns);
    const more = lines.length - rows;
    block.draw(more <= 0 ? lines : [...lines.slice(0, rows - 1), `… and ${more + 1} more`]);
  };
  setInterval(draw, AGE_MS).unref();
  block.onResize(draw);
  return (sessions) => {
    shown = sessions;
    draw();
  };
}

/** `columns`: what the lines may be wide. */
function sessionLines(sessions: readonly Session[], columns?: number): Text[] {
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
  return tableLines(["NAME", "ID", "STATUS", "MODE", "SIZE", "NODES", "AGE", "REASON"], rows, columns);
}

function isLive(status: Session["status"]): boolean {
  return SESSION_STATES[status].live;
}

function all(skein: Skein): Promise<Session[]> {
  return allPages((query) => skein.listSessions({ query }));
}

/** One list for each live status: each is short, while ended sessions only become more. Newest first. */
async function live(skein: Skein): Promise<Session[]> {
  const statuses = SESSION_STATUSES.filter(isLive);
  const lists = await Promise.all(
    statuses.map((status) => allPages((query) => skein.listSessions({ query: { ...query, status } }))),
  );
  // A session whose status changes between the requests may be in two lists.
  const byId = new Map(lists.flat().map((session) => [session.id, session]));
  return [...byId.values()].sort((a, b) => (a.createdAt < b.createdAt ? 1 : -1));
}
