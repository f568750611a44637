/** Events as lines for people. */
import type { SkeinEvent } from "../sdk/index.ts";
import { sessionLine } from "./progress-lines.ts";
import { type Text, text } from "./terminal-text.ts";

/** `train is running`, `train: main1 on gpu-a is exited (3): out of memory`. `name`: of the session, which only its own events have. */
export function eventText(event: SkeinEvent, name: string): Text {
  if (event.event === "session") return sessionLine(event);
  const { host, node, status, reason, exitCode } = event;
  const where = node === null ? host : `${host} on ${node}`;
  const code = exitCode === null ? "" : ` (${exitCode})`;
  // A reason that begins with the status says both.
  const what = reason?.startsWith(status)
    ? reason
    : `${status}${code}${reason === null ? "" : `: ${reason}`}`;
  return text`${name}: ${where} is ${what}`;
}
