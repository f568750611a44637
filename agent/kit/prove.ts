/** The proof before the gate opens: the argv for `docker exec` in one container of a node, and what it prints. */
import { INSIDE } from "./layout.ts";

/** A host to be reached and the login name there. */
export interface ProofTarget {
  host: string;
  user: string;
}

/**
 * To be executed as the container's user. Logs in to all targets in parallel with strict host-key checking, has each check that it
 * resolves every name of the session, and exchanges 32 KiB each way. Refused connections are tried again for `seconds`.
 * Exit code 0 when all are proven.
 */
export function proveCommand(targets: readonly ProofTarget[], seconds: number): string[] {
  return [`${INSIDE.kit}/prove`, String(seconds), ...targets.map(({ host, user }) => `${user}@${host}`)];
}

/** The hosts that are not proven, with the reason; empty when all are. `output` is the command's stdout. */
export function unproven(
  targets: readonly ProofTarget[],
  output: string,
): { host: string; reason: string }[] {
  const said = new Map(
    output.split("\n").map((line) => {
      const [host = "", verdict = "", ...rest] = line.split(" ");
      return [host, verdict === "ok" ? undefined : rest.join(" ") || line] as const;
    }),
  );
  return targets.flatMap(({ host }) => {
    const reason = said.has(host) ? said.get(host) : "the proof ended without a word about it";
    return reason === undefined ? [] : [{ host, reason }];
  });
}
