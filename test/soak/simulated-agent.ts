/**
 * A process that is one simulated node with the agent's real tunnels: `node simulated-agent.ts URL TOKEN`. Says `ready`, once at the start and after
 * each garbage collection, which any message asks for. Ends with its parent.
 */
import { apiClient } from "../support/server.ts";
import { TunnelNode } from "../support/tunnel-node.ts";
import { collectGarbage } from "./own-garbage.ts";
import { serveSimulated } from "./serve-simulated.ts";

const [url, token] = process.argv.slice(2) as [string, string];
await TunnelNode.start(apiClient({ url, token }), "soak", serveSimulated);
process.on("disconnect", () => process.exit(0));
process.on("message", () => {
  collectGarbage();
  process.send!("ready");
});
process.send!("ready");
