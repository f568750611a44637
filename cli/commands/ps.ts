/** `skein ps`. */

import type { Session } from "../../sdk/index.ts";
import { LIVE_STATUSES, SESSION_STATUSES, type SessionStatus } from "../../shared/session/lifecycle.ts";
import { awayText, sayAway } from "../away.ts";
import { UsageError } from "../cli-error.ts";
import { withApi } from "../client.ts";
import { defineCommand, JSON_OPTION } from "../command.ts";
import { allOf } from "../pages.ts";
import { print, printJson } from "../print.ts";
import { age } from "../session-text.ts";
import { narrowTable, table } from "../table.ts";
import { TerminalBlock } from "../terminal-block.ts";
import { colored, type Inline, type Text } from "../terminal-text.ts";
import { type Watch, watchSessions } from "../watch-sessions.ts";

export const ps = defineCommand({
  options: {
    all: { type: "boolean", short: "a", about: "ended ones, too" },
    status: {
      type: "string",
      multiple: true,
      value: "STATUS",
      about: "those with this status, or one of several",
    },
    quiet: { type: "boolean", short: "q", about: "their ids only" },
    watch: { type: "boolean", short: "w", about: "show them again whenever one changes" },
    ...JSON_OPTION,
  },
  async run({ options }) {
    const wanted = options.status.length > 0 ? options.status.map(statusOf) : LIVE_STATUSES;
    const isAll = options.all && options.status.length === 0;
    if (options.json && options.quiet) throw new UsageError("--json and --quiet exclude each other");
    await withApi(async (skein) => {
      const list = () => allOf(skein.sessions(isAll ? {} : { status: wanted }));
      const show = options.json ? printJson : options.quiet ? printedIds : printed;
      const first = await list();
      if (!options.watch) return show(first);
      const block = show === printed ? TerminalBlock.on("stdout") : undefined;
      await watchSessions(skein, {
        list,
        keeps: ({ status }) => isAll || wanted.includes(status),
        ...(block ? drawn(block) : { show, onConnection: sayAway() }),
      });
    });
  },
});

const HEADER = ["NAME", "ID", "STATUS", "MODE", "SIZE", "NODES", "AGE", "REASON"];
/** What a narrow screen lacks, this first. */
const SPARE = ["ID", "MODE", "NODES"];

function printed(sessions: readonly Session[]): void {
  print(table(HEADER, rowsOf(sessions)));
}

function printedIds(sessions: readonly Session[]): void {
  for (const { id } of sessions) print(id);
}

/** The ages grow without an event. */
const AGE_MS = 10_000;

function drawn(block: TerminalBlock): Pick<Watch, "show" | "onConnection"> {
  let shown: readonly Session[] = [];
  let away: Text[] = [];
  const draw = () => {
    const { columns, rows } = block.screen;
    const lines = narrowTable(HEADER, rowsOf(shown), columns, SPARE);
    const room = Math.max(1, rows - away.length);
    const left = lines.length - room;
    block.draw([...(left <= 0 ? lines : [...lines.slice(0, room - 1), `… and ${left + 1} more`]), ...away]);
  };
  setInterval(draw, AGE_MS).unref();
  block.onResize(draw);
  return {
    show(sessions) {
      shown = sessions;
      draw();
    },
    onConnection(connected, reason = "it closed the connection") {
      away = connected ? [] : [awayText(reason)];
      draw();
    },
  };
}

function rowsOf(sessions: readonly Session[]): Inline[][] {
  const now = Date.now();
  return sessions.map((session) => [
    session.name,
    session.id,
    colored(session.status),
    session.clusterMode,
    String(session.clusterSize),
    nodesText(session),
    age(session.createdAt, now),
    session.reason ?? "",
  ]);
}

/** More nodes are counted: there may be hundreds. */
const NODES_SHOWN = 3;

function nodesText({ containers }: Session): string {
  const nodes = [...new Set(containers.flatMap(({ node }) => node ?? []))];
  if (nodes.length <= NODES_SHOWN) return nodes.join(",") || "-";
  return `${nodes.slice(0, NODES_SHOWN - 1).join(",")},+${nodes.length - NODES_SHOWN + 1}`;
}

function statusOf(word: string): SessionStatus {
  const found = SESSION_STATUSES.find((status) => status === word);
  if (found) return found;
  throw new UsageError(`--status must be one of ${SESSION_STATUSES.join(", ")}, not ${word}`);
}
