/** The proof before the gate opens: the arguments for `docker exec` in one container of a node, and how to read its output. */
import { INSIDE } from "./layout.ts";

/**
 * A host to be reached.
 * - `ssh`: by a login, which also checks that the host resolves every name of the session.
 * - `ping`: by one packet of full size, there and back. When this user may not ping, or the host does not answer, a login decides: it
 *   fills its packets in both directions.
 */
export interface ProofTarget {
  way: "ssh" | "ping";
  host: string;
}

/**
 * To be executed as the container's user. Tries 32 targets at a time, each again and again for up to `seconds`. `mtu` in bytes. The exit
 * code is 0 when all targets are proven.
 */
export function proveCommand(targets: readonly ProofTarget[], seconds: number, mtu: number): string[] {
  const each = targets.map(({ way, host }) => `${way}/${host}`);
  return [`${INSIDE.kit}/prove`, String(seconds), String(mtu), ...each];
}

export interface Unproven extends ProofTarget {
  reason: string;
}

/** The targets that are not proven, each with the reason. `output` is the command's stdout. */
export function unproven(targets: readonly ProofTarget[], output: string): Unproven[] {
  const said = new Map(
    output.split("\n").map((line) => {
      const [way = "", host = "", verdict = "", ...rest] = line.split(" ");
      return [keyOf(way, host), verdict === "ok" ? undefined : rest.join(" ") || line] as const;
    }),
  );
  return targets.flatMap((target) => {
    const key = keyOf(target.way, target.host);
    const reason = said.has(key) ? said.get(key) : "the proof ended without a word about it";
    return reason === undefined ? [] : [{ ...target, reason }];
  });
}

function keyOf(way: string, host: string): string {
  return `${way} ${host}`;
}
