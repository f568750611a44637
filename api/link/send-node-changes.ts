/** Sends joins and leaves of the fleet's nodes as differences: each link gets those since the last that its agent received. */
import type { NodeChanges } from "../platform/messages.ts";
import { fleetOf } from "../platform/objects.ts";
import type { LinkSockets } from "./link-sockets.ts";

/** Sends those up to the change `number`. Links that know the same share one look-up. */
export async function sendNodeChanges(
  env: Cloudflare.Env,
  sockets: LinkSockets,
  to: readonly WebSocket[],
  number: number,
): Promise<void> {
  const knownBy = (socket: WebSocket) => sockets.state(socket).nodesChange;
  const behind = to.filter((socket) => knownBy(socket) < number);
  await Promise.all(
    [...Map.groupBy(behind, knownBy)].map(async ([since, group]) => {
      const changes: NodeChanges = await fleetOf(env).nodeChanges(since);
      const frame = JSON.stringify({ type: "nodes", ...changes });
      for (const socket of group) {
        // Another call may have sent later changes meanwhile.
        if (knownBy(socket) !== since) continue;
        sockets.set(socket, { nodesChange: changes.number });
        sockets.sendAtOnce(socket, frame);
      }
    }),
  );
}
