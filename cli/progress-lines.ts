/** The progress of a session as lines that fit a terminal: one for each container, or where there are too many, one for each status. */
import type { Session } from "../sdk/index.ts";
import { clean } from "../shared/text/clean.ts";
import { cutMiddle } from "../shared/text/cut-middle.ts";
import { awayText } from "./away.ts";
import { counts, isTroubled } from "./followed-session.ts";
import { type Text, text } from "./terminal-text.ts";
import { wrapped } from "./wrapped.ts";

export interface Screen {
  columns: number;
  rows: number;
}

type Container = Session["containers"][number];

/** Lines that a long reason of the session may take. */
const REASON_LINES = 4;
const NODE_WIDTH = 24;

/** At most as many lines as the screen has rows, none wider than the screen. `away`: why the API does not answer. */
export function progressLines(session: Session, away: string | undefined, screen: Screen): string[] {
  const head = wrapped(String(sessionLine(session)), screen.columns, REASON_LINES);
  const foot = away === undefined ? [] : [cutMiddle(String(awayText(away)), screen.columns)];
  const room = screen.rows - head.length - foot.length;
  const { containers } = session;
  const body = containers.length <= room ? containers.map(rowText(containers)) : summary(containers, room);
  const lines = body.map(([fixed, reason]) => fitted(fixed, reason, screen.columns));
  return [...head, ...lines.slice(0, Math.max(0, room)), ...foot].slice(0, screen.rows);
}

/** `train is pending: waits for room: …`. */
export function sessionLine({ name, status, reason }: Pick<Session, "name" | "status" | "reason">): Text {
  return text`${name} is ${status}${reason === null ? "" : `: ${reason}`}`;
}

/** What stays, and the reason, which may be cut. */
type Row = [fixed: string, reason: string];

function rowText(containers: readonly Container[]): (container: Container) => Row {
  const widest = (text: (container: Container) => string) =>
    Math.max(...containers.map((each) => text(each).length));
  const hosts = widest(({ host }) => host);
  const nodes = Math.min(NODE_WIDTH, widest(nodeOf));
  const statuses = widest(statusOf);
  return (container) => {
    const node = cutMiddle(nodeOf(container), nodes);
    const cells = [container.host.padEnd(hosts), node.padEnd(nodes), statusOf(container).padEnd(statuses)];
    return [`  ${cells.join("  ")}`, reasonOf(container)];
  };
}

/** A line for each status, then the containers in trouble as far as there is room. */
function summary(containers: readonly Container[], room: number): Row[] {
  const byStatus = counts(containers).map(
    ([status, of]): Row => [`  ${String(of.length).padStart(4)} ${status}`, ""],
  );
  const troubled = containers.filter(isTroubled);
  const left = room - byStatus.length;
  if (troubled.length <= left) return [...byStatus, ...troubled.map(rowText(troubled))];
  if (left <= 0) return byStatus;
  const shown = troubled.slice(0, left - 1);
  const more = `  … and ${troubled.length - shown.length} more with a reason`;
  return [...byStatus, ...shown.map(rowText(shown)), [more, ""]];
}

function nodeOf({ node }: Container): string {
  return clean(node ?? "-");
}

function statusOf({ status, exitCode }: Container): string {
  return exitCode === null ? status : `${status} (${exitCode})`;
}

/** The progress of a pull is `pulling: 40%`, which would say its status twice. */
function reasonOf({ reason }: Container): string {
  return clean(reason?.replace(/^pulling(: |$)/, "") ?? "");
}

function fitted(fixed: string, reason: string, columns: number): string {
  const line = reason === "" ? fixed.trimEnd() : `${fixed}  ${reason}`;
  const room = columns - fixed.length - 2;
  // On a narrow screen the reason needs the room more than what stands before it.
  if (line.length <= columns || room < 16) return cutMiddle(line, columns);
  return `${fixed}  ${cutMiddle(reason, room)}`;
}
