/** Two more hosts whose agents connect through a relay that records every frame, both ways. */
import { createServer } from "node:http";
import { WebSocket, WebSocketServer } from "ws";
import { type Agent, startAgent } from "../lab/cluster.ts";
import { routerAddress } from "../lab/lan.ts";
import { cluster, request } from "./skein.ts";

export interface Tap {
  /** Every text frame on the link, both ways, and every body of a join. */
  frames: string[];
  joinToken: string;
  log(): string;
  close(): Promise<void>;
}

/** Brings up two more hosts whose agents (label `tap=yes`) join the fleet through the relay. */
export async function tapLink(): Promise<Tap> {
  const { api, lab } = await cluster();
  const frames: string[] = [];

  const server = createServer(async (incoming, outgoing) => {
    const body = Buffer.concat(await incoming.toArray());
    const answer = await fetch(`${api.url}${incoming.url}`, {
      method: incoming.method!,
      headers: { "content-type": "application/json" },
      body,
    });
    const text = await answer.text();
    frames.push(text);
    outgoing.writeHead(answer.status, { "content-type": answer.headers.get("content-type") ?? "" }).end(text);
  });
  const sockets = new WebSocketServer({ server });
  sockets.on("connection", (agent, incoming) => {
    const upstream = new WebSocket(`${api.url.replace("http", "ws")}${incoming.url}`);
    const queue: string[] = [];
    agent.on("message", (data) => {
      frames.push(String(data));
      if (upstream.readyState === WebSocket.OPEN) upstream.send(String(data));
      else queue.push(String(data));
    });
    upstream.on("open", () => {
      for (const text of queue) upstream.send(text);
    });
    upstream.on("message", (data) => {
      frames.push(String(data));
      agent.send(String(data));
    });
    for (const [from, to] of [
      [agent, upstream],
      [upstream, agent],
    ] as const) {
      from.on("close", () => to.terminate());
      from.on("error", () => to.terminate());
    }
  });
  await new Promise<void>((resolve) => server.listen(0, routerAddress, resolve));
  const { port } = server.address() as { port: number };

  const agents: Agent[] = [];
  let joinToken = "";
  for (const name of ["tapped1", "tapped2"]) {
    joinToken = (await request<{ token: string }>("POST", "/v1/join-tokens")).body.token;
    const flags = ["--label", "tap=yes"];
    agents.push(
      await startAgent(await lab.addHost(name), { api: `http://${routerAddress}:${port}`, joinToken, flags }),
    );
  }
  return {
    frames,
    joinToken,
    log: () => agents.map((agent) => agent.log()).join(""),
    async close() {
      for (const agent of agents) {
        await agent.kill("SIGTERM");
        await request("DELETE", `/v1/nodes/${agent.name}`);
        await agent.host.remove();
      }
      sockets.close();
      server.close();
    },
  };
}
