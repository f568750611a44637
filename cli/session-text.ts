/** Sessions as text for people: a state always has its reason beside it. */
import type { Session } from "../sdk/index.ts";
import { table } from "./table.ts";
import { block, colored, joined, type Text, text } from "./terminal-text.ts";

/** A line about the session, then a row per container. */
export function sessionText(session: Session): Text {
  return joined([headline(session), containerTable(session)], "\n\n");
}

/** `train (ses_…) is running: multi-node, 4 containers on overlay 10.64.0.0/24`. */
export function headline(session: Session): Text {
  const { name, id, status, reason, clusterMode, clusterSize, network } = session;
  const where = network === null ? "" : ` on ${network.driver} ${network.subnet}`;
  const containers = `${clusterSize} container${clusterSize === 1 ? "" : "s"}`;
  const line = text`${name} (${id}) is ${colored(status)}: ${clusterMode}, ${containers}${where}`;
  return reason === null ? line : joined([line, block(reason)]);
}

function containerTable(session: Session): Text {
  return table(
    ["HOST", "NODE", "ADDRESS", "STATUS", "REASON"],
    session.containers.map(({ host, node, address, status, exitCode, reason }) => [
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
