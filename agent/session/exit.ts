/** Why a container ended, in words, when the exit code alone does not say it. */
import { constants } from "node:os";
import type { Container } from "../docker/port.ts";

/** The kit's `start` prints this when it cannot run the command. */
const CANNOT_RUN = /^skein: cannot run "(.*)": (.*)$/m;

/** Undefined when there is nothing to add to the exit code. `memory` is the limit in bytes. */
export function exitReason(
  { exitCode, oomKilled, error }: Pick<Container, "exitCode" | "oomKilled" | "error">,
  output: string,
  memory?: number,
): string | undefined {
  if (oomKilled) {
    const limit =
      memory === undefined ? "the node had no memory left" : `its memory limit is ${memory} bytes`;
    return `killed because it ran out of memory: ${limit}`;
  }
  if (error) return error.slice(0, 4096);
  const refused = exitCode === 126 || exitCode === 127 ? CANNOT_RUN.exec(output) : null;
  if (refused)
    return `command ${exitCode === 127 ? "not found" : "cannot be run"}: ${refused[1]} (${refused[2]})`;
  const signal = Object.entries(constants.signals).find(([, number]) => number === exitCode - 128)?.[0];
  return signal && exitCode > 128 ? `ended by ${signal}` : undefined;
}
