/** Sessions as text for people: a state always has its reason beside it. */
import type { Session } from "../sdk/index.ts";
import { countsText, isTroubled } from "./followed-session.ts";
import { table } from "./table.ts";
import { block, colored, joined, type Text, text } from "./terminal-text.ts";

/** A line about the session, then a row per container. */
export function sessionText(session: Session): Text {
  return joined([headline(session), containerTable(session.containers)], "\n\n");
}

const FEW = 8;

/** The same about one that failed. Of many containers only some with a reason, so that the session's own stays on the screen. */
export function failureText(session: Session): Text {
  const { name, containers } = session;
  if (containers.length <= FEW) return sessionText(session);
  const troubled = containers.filter(({ reason }) => reason !== null).slice(0, FEW);
  const more = text`${containers.length - troubled.length} more containers: skein describe ${name}`;
  return joined(
    [headline(session), ...(troubled.length > 0 ? [containerTable(troubled)] : []), more],
    "\n\n",
  );
}

/** One with many containers: a line for each node, and some containers in trouble. */
export function summaryText(session: Session): Text {
  const { name, containers } = session;
  const nodes = [...Map.groupBy(containers, ({ node }) => node ?? "-")];
  const rows = nodes
    .toSorted(([a], [b]) => a.localeCompare(b, "en", { numeric: true }))
    .map(([node, its]) => [node, its.length, hostsText(its), countsText({ containers: its })]);
  const troubled = containers.filter(isTroubled);
  const shown = troubled.slice(0, FEW);
  const left = troubled.length - shown.length;
  return joined(
    [
      headline(session),
      table(["NODE", "CONTAINERS", "HOSTS", "STATUS"], rows),
      ...(shown.length > 0 ? [containerTable(shown)] : []),
      joined([
        ...(left > 0 ? [text`${left} more with a reason`] : []),
        text`all ${containers.length} containers: skein describe ${name} --all`,
      ]),
    ],
    "\n\n",
  );
}

/** `main1`, `sub1 to sub8`: the first and the last, in rank order. */
function hostsText(containers: Session["containers"]): string {
  const [first, last] = [containers[0]!.host, containers.at(-1)!.host];
  return first === last ? first : `${first} to ${last}`;
}

/** `train (ses_…) is running: multi-node, 4 containers on overlay 10.64.0.0/24`. */
export function headline(session: Session): Text {
  const { name, id, status, reason, clusterMode, clusterSize, network } = session;
  const where = network === null ? "" : ` on ${network.driver} ${network.subnet}`;
  const containers = `${clusterSize} container${clusterSize === 1 ? "" : "s"}`;
  const line = text`${name} (${id}) is ${colored(status)}: ${clusterMode}, ${containers}${where}`;
  return reason === null ? line : joined([line, block(reason)]);
}

function containerTable(containers: Session["containers"]): Text {
  return table(
    ["HOST", "NODE", "ADDRESS", "STATUS", "REASON"],
    containers.map(({ host, node, address, status, exitCode, reason }) => [
      host,
      node ?? "-",
      address ?? "-",
      exitCode === null ? colored(status) : text`${colored(status)} (${exitCode})`,
      reason ?? "",
    ]),
  );
}

/** `3m`, from an RFC 3339 time. `now` in milliseconds. */
export function age(time: string, now: number): string {
  const seconds = Math.max(0, Math.floor((now - Date.parse(time)) / 1000));
  const steps = [
    { unit: "d", size: 86_400 },
    { unit: "h", size: 3_600 },
    { unit: "m", size: 60 },
  ];
  const step = steps.find(({ size }) => seconds >= size * 2);
  return step ? `${Math.floor(seconds / step.size)}${step.unit}` : `${seconds}s`;
}
