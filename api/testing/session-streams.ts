/** A running session, and streams into it, with both ends in a test's hands. */
import { expect } from "vitest";
import type { TunnelWanted } from "../../shared/protocol/protocol.ts";
import { create, settled } from "./call-api.ts";
import type { Connection } from "./connection.ts";
import { type FakeAgent, readyNode } from "./fake-agent.ts";
import { FakeClient } from "./fake-client.ts";
import { FakeTunnel } from "./fake-tunnel.ts";

export interface Running {
  agent: FakeAgent;
  link: Connection;
  id: string;
  /** A stream's path in main1. */
  path: (what: string) => string;
}

export async function running(): Promise<Running> {
  const { agent, link } = await readyNode();
  link.follow();
  const { id } = await create({ name: "train" });
  expect((await settled(id)).status).toBe("running");
  return { agent, link, id, path: (what) => `/v1/sessions/${id}/containers/main1/${what}` };
}

/** Opens the tunnel when the link asks for it. */
export async function tunnelOf({ agent, link, id }: Running): Promise<FakeTunnel> {
  const { session } = await link.next<TunnelWanted>("tunnel");
  expect(session).toBe(id);
  return await FakeTunnel.open(agent, session);
}

/** A client, and the stream at the agent's end of the tunnel. */
export async function connected(session: Running, what = "ports/80") {
  const [client, tunnel] = await Promise.all([FakeClient.open(session.path(what)), tunnelOf(session)]);
  const { stream, open } = await tunnel.accept();
  await client.next("opened");
  return { client, tunnel, stream, open };
}
