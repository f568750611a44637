/** Clients and agents that send what they should not: it ends their own stream or tunnel, and nothing piles up for it. */
import { reset } from "cloudflare:test";
import { afterEach, expect, test } from "vitest";
import type { TunnelWanted } from "../../shared/protocol/protocol.ts";
import { FRAME_COST, STREAM_WINDOW } from "../../shared/streams/credit.ts";
import { dialStream, FakeClient } from "../testing/fake-client.ts";
import { dialTunnel, FakeTunnel } from "../testing/fake-tunnel.ts";
import { connected, running, tunnelOf } from "../testing/session-streams.ts";

afterEach(() => reset());

test("a start that fits into no frame of the tunnel ends its own stream only", async () => {
  const session = await running();
  const { client: other, tunnel, stream } = await connected(session);
  const client = await FakeClient.open(session.path("exec"));
  // Three bytes each in UTF-8.
  client.say({ type: "start", command: Array<string>(4).fill("中".repeat(120_000)) });
  expect(await client.closed).toMatchObject({ code: "bad_frame", reason: expect.stringMatching(/too long/) });
  tunnel.data(stream, "alive");
  await other.received(5);
});

test("a client whose start was refused cannot start again", async () => {
  const session = await running();
  const [client, tunnel] = await Promise.all([FakeClient.open(session.path("exec")), tunnelOf(session)]);
  client.raw("{");
  client.say({ type: "start", command: ["cat"] });
  expect((await client.closed).code).toBe("bad_frame");
  const next = await FakeClient.open(session.path("ports/80"));
  expect(await tunnel.accept()).toMatchObject({ stream: 1, open: { kind: "port" } });
  await next.next("opened");
});

test.each([
  ["resizes", JSON.stringify({ type: "resize", cols: 1, rows: 1 })],
  ["ends", JSON.stringify({ type: "end" })],
  ["pings", "ping"],
])("a flood of %s ends the stream: the other side may not be reading them", async (_, message) => {
  const { client, tunnel } = await connected(await running());
  for (let sent = 0; sent < 1100; sent++) client.raw(message);
  expect(await client.closed).toMatchObject({ code: "bad_frame", reason: expect.stringMatching(/too many/) });
  expect((await tunnel.next("close")).message).toMatchObject({ code: "bad_frame" });
});

test("frames of no data use up the window", async () => {
  const { client } = await connected(await running());
  for (let sent = 0; sent <= STREAM_WINDOW / FRAME_COST; sent++) client.data("");
  expect((await client.closed).code).toBe("over_credit");
});

const OPENED = { type: "opened", window: STREAM_WINDOW };

test.each<[string, object[]]>([
  ["opened twice", [OPENED, OPENED]],
  ["an exit code before it opened", [{ type: "exit", code: 0 }]],
  ["two exit codes", [OPENED, { type: "exit", code: 0 }, { type: "exit", code: 0 }]],
  ["two ends", [OPENED, { type: "end" }, { type: "end" }]],
])("an agent that sends %s ends that stream", async (_, messages) => {
  const session = await running();
  const [client, tunnel] = await Promise.all([FakeClient.open(session.path("ports/80")), tunnelOf(session)]);
  const { stream } = await tunnel.next("open");
  for (const message of messages) tunnel.say(stream, message);
  expect(await client.closed).toMatchObject({ code: "bad_frame", reason: expect.stringMatching(/the node/) });
});

test.each<[string, object[]]>([
  ["before it opened", []],
  ["after its end", [OPENED, { type: "end" }]],
])("an agent that sends data %s ends that stream", async (_, messages) => {
  const session = await running();
  const [client, tunnel] = await Promise.all([FakeClient.open(session.path("ports/80")), tunnelOf(session)]);
  const { stream } = await tunnel.next("open");
  for (const message of messages) tunnel.say(stream, message);
  tunnel.data(stream, "data");
  expect((await client.closed).code).toBe("bad_frame");
});

test("a client that has not said what to run yet hears that its tunnel broke", async () => {
  const session = await running();
  const [client, tunnel] = await Promise.all([FakeClient.open(session.path("exec")), tunnelOf(session)]);
  tunnel.close();
  expect((await client.closed).code).toBe("node_disconnected");
});

test("of connections that prove nothing the oldest makes way, and the agent gets in", async () => {
  const session = await running();
  const client = dialStream(session.path("ports/80"));
  await session.link.next<TunnelWanted>("tunnel");
  const silent: FakeTunnel[] = [];
  for (let dialled = 0; dialled < 4; dialled++)
    silent.push(new FakeTunnel((await dialTunnel(session.agent.id, session.id)).webSocket!));
  const tunnel = await FakeTunnel.open(session.agent, session.id);
  expect((await client).status).toBe(101);
  expect(await silent[0]!.closed).toBe(4011);
  await tunnel.accept();
});

test("an agent that says hello twice has no tunnel", async () => {
  const session = await running();
  const client = dialStream(session.path("ports/80"));
  const tunnel = await tunnelOf(session);
  tunnel.text({ type: "hello", signature: "again" });
  expect(await tunnel.closed).toBe(4000);
  // The second hello may have come after the proof: then the client has its answer already.
  await Promise.race([client, FakeTunnel.open(session.agent, session.id)]);
});
