/** One session of many containers: the frames to and from its nodes until it runs. */
import { endSession, type Field, IMAGE, runSession } from "../field.ts";
import { BIG_LABEL } from "../simulated-node.ts";

export async function big(field: Field): Promise<void> {
  const { fleet, options, measure, say } = field;
  const { containers, nodes } = options.big;
  if (fleet.nodes < nodes) return say(`not done: it takes ${nodes} nodes (--on)`);
  const { traffic: before } = await fleet.state();
  const began = performance.now();
  const { id } = await runSession(field, {
    image: IMAGE,
    clusterMode: "multi-node",
    clusterSize: containers,
    placement: { labels: BIG_LABEL },
  });
  measure("bigSeconds", (performance.now() - began) / 1000);
  const { traffic: after } = await fleet.state();
  measure("bigToAgents", (after.bytesReceived - before.bytesReceived) / 1e6);
  measure("bigFromAgents", (after.bytesSent - before.bytesSent) / 1e6);
  await endSession(field, id);
}
