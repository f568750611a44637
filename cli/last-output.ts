/** The last lines that ended containers wrote: fewer of each, the more containers there are. */
import type { Session } from "../sdk/index.ts";
import { block, joined, type Text, text } from "./terminal-text.ts";

/** Lines in all: two for each of 64 containers. As many again where some containers failed: those get a share of their own. */
const LINES = 128;
const MOST_OF_ONE = 20;

type Container = Session["containers"][number];

/** Lines like `sub1  | loss 0.1`, in rank order; undefined: none of the containers has written anything. */
export function lastOutput({ name, containers }: Session): Text | undefined {
  const wrote = containers.filter(({ exitCode, output }) => exitCode !== null && output?.trim());
  if (wrote.length === 0) return undefined;
  const failed = wrote.filter(hasFailed);
  const longest = Math.max(...wrote.map(({ host }) => host.length));
  const all = wrote.flatMap((container) => {
    const most = hasFailed(container) ? share(failed.length) : share(wrote.length);
    const prefix = container.host.padEnd(longest);
    return linesOf(container.output!)
      .slice(-most)
      .map((line) => text`${prefix} | ${block(line)}`);
  });
  return joined([text`the last of the output (all of it: skein logs ${name}):`, ...all]);
}

/** The same for the containers that failed alone, to show why they did. */
export function failedOutput(session: Session): Text | undefined {
  return lastOutput({ ...session, containers: session.containers.filter(hasFailed) });
}

function hasFailed({ exitCode }: Container): boolean {
  return exitCode !== null && exitCode !== 0;
}

function share(containers: number): number {
  return Math.max(1, Math.min(MOST_OF_ONE, Math.floor(LINES / containers)));
}

/** As a terminal shows them in the end: of a line that was written over (a progress bar), the last state. */
function linesOf(output: string): string[] {
  return output
    .trimEnd()
    .split(/\r?\n/)
    .map((line) => line.slice(line.lastIndexOf("\r", line.length - 2) + 1));
}
