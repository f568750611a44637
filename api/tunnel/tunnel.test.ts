/** Streams through a session's Tunnel object, with an agent and clients that are tests. */
import { reset } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, describe, expect, test } from "vitest";
import type { TunnelWanted } from "../../shared/protocol/protocol.ts";
import {
  costOf,
  SMALL_WINDOW,
  STREAM_WINDOW,
  TUNNEL_BYTES,
  TUNNEL_STREAMS,
} from "../../shared/streams/credit.ts";
import type { OpenExec, OpenPort } from "../../shared/streams/stream-messages.ts";
import { openLinks } from "../link/open-links.ts";
import { call, create, mint } from "../testing/call-api.ts";
import { FakeAgent } from "../testing/fake-agent.ts";
import { dialStream, FakeClient, refusal } from "../testing/fake-client.ts";
import { dialTunnel, FakeTunnel } from "../testing/fake-tunnel.ts";
import { connected, running, tunnelOf } from "../testing/session-streams.ts";
import { withSettings } from "../testing/settings.ts";

afterEach(() => reset());

const START = { type: "start" as const, command: ["cat"] };

describe("an exec", () => {
  test("carries start, input, resize and signal one way; output, errors and the exit code the other", async () => {
    const session = await running();
    const [client, tunnel] = await Promise.all([FakeClient.open(session.path("exec")), tunnelOf(session)]);
    client.say({ ...START, tty: { cols: 80, rows: 24 }, env: { A: "1" } });
    const { stream, open } = await tunnel.accept();
    expect(open).toEqual({
      type: "open",
      kind: "exec",
      host: "main1",
      window: STREAM_WINDOW,
      start: { ...START, tty: { cols: 80, rows: 24 }, env: { A: "1" } },
    } satisfies OpenExec);
    expect(await client.next("opened")).toEqual({ type: "opened", window: STREAM_WINDOW });
    client.data("hello");
    client.say({ type: "resize", cols: 100, rows: 30 });
    client.say({ type: "signal", name: "INT" });
    client.say({ type: "end" });
    expect((await tunnel.next("resize")).message).toEqual({ type: "resize", cols: 100, rows: 30 });
    expect((await tunnel.next("signal")).message).toEqual({ type: "signal", name: "INT" });
    await tunnel.next("end");
    expect(tunnel.input.get(stream)).toBe("hello");
    tunnel.data(stream, "out");
    tunnel.data(stream, "err", 2);
    tunnel.say(stream, { type: "exit", code: 7 });
    tunnel.say(stream, { type: "close", code: "done", reason: "" });
    expect(await client.next("exit")).toEqual({ type: "exit", code: 7 });
    expect(await client.closed).toEqual({ type: "close", code: "done", reason: "", socketCode: 1000 });
    expect(client.out).toEqual(["out", "err"]);
  });

  test.each([
    ["not JSON", "{", /JSON/],
    ["another message", '{"type":"end"}', /start/],
    ["an unknown field", JSON.stringify({ ...START, shell: true }), /shell/],
    ["an empty command", JSON.stringify({ ...START, command: [] }), /command/],
    ["data before the start", new Uint8Array([0, 1]), /before the stream was opened/],
    ["data on another channel", new Uint8Array([1, 1]), /byte 0/],
  ])("refuses as its first frame %s", async (_, frame, reason) => {
    const session = await running();
    const [client] = await Promise.all([FakeClient.open(session.path("exec")), tunnelOf(session)]);
    client.raw(frame);
    const { code, reason: said, socketCode } = await client.closed;
    expect([code, socketCode]).toEqual(["bad_frame", 4000]);
    expect(said).toMatch(reason);
  });
});

describe("a connection to a port", () => {
  test("is opened at once, and either side may end first", async () => {
    const { client, tunnel, stream, open } = await connected(await running(), "ports/8888");
    expect(open).toEqual({
      ...{ type: "open", kind: "port", host: "main1", port: 8888, window: STREAM_WINDOW },
    } satisfies OpenPort);
    tunnel.data(stream, "banner");
    tunnel.say(stream, { type: "end" });
    await client.next("end");
    client.data("bye");
    client.say({ type: "end" });
    await tunnel.next("end");
    tunnel.say(stream, { type: "close", code: "done", reason: "" });
    expect((await client.closed).code).toBe("done");
    expect([client.out[0], tunnel.input.get(stream)]).toEqual(["banner", "bye"]);
  });

  test("one tunnel carries all streams of a node, each with its own bytes", async () => {
    const session = await running();
    const first = await connected(session);
    const others = await Promise.all(
      Array.from({ length: 20 }, async (_, i) => {
        const client = await FakeClient.open(session.path(`ports/${1000 + i}`));
        return { client, i };
      }),
    );
    for (const _ of others) {
      const { stream, open } = await first.tunnel.accept();
      first.tunnel.data(stream, `port ${(open as OpenPort).port}`);
    }
    for (const { client, i } of others) {
      await client.received(9);
      expect(client.out[0]).toBe(`port ${1000 + i}`);
    }
    expect(session.link.texts("tunnel")).toHaveLength(1);
  });
});

describe("credit", () => {
  const full = new Uint8Array(64 * 1024);

  test("passes both ways, from the final receiver, a quarter of the window at a time", async () => {
    const { client, tunnel, stream } = await connected(await running());
    const frames = Math.floor(STREAM_WINDOW / costOf(full.length));
    for (let sent = 0; sent < frames; sent++) tunnel.data(stream, full);
    await client.received(frames * full.length);
    const quarter = STREAM_WINDOW / 4;
    for (const bytes of [1, quarter - 2, 1, 7]) client.say({ type: "credit", bytes });
    expect((await tunnel.next("credit")).message).toEqual({ type: "credit", bytes: quarter });
    for (let sent = 0; sent < 3; sent++) tunnel.data(stream, full);
    await client.received((frames + 3) * full.length);
    for (let sent = 0; sent < 4; sent++) client.data(full);
    client.say({ type: "end" });
    await tunnel.next("end");
    for (const bytes of [quarter - 1, 2]) tunnel.say(stream, { type: "credit", bytes });
    expect(await client.next("credit")).toEqual({ type: "credit", bytes: quarter + 1 });
  });

  test("a client that sends beyond it, or grants what it did not get, ends its own stream only", async () => {
    const session = await running();
    const { client: other, tunnel, stream: its } = await connected(session);
    const greedy = await FakeClient.open(session.path("ports/81"));
    await tunnel.accept();
    for (let sent = 0; sent < STREAM_WINDOW; sent += full.length) greedy.data(full);
    expect((await greedy.closed).code).toBe("over_credit");
    expect((await tunnel.next("close")).message).toMatchObject({ code: "over_credit" });
    const liar = await FakeClient.open(session.path("ports/82"));
    await tunnel.accept();
    liar.say({ type: "credit", bytes: 1 });
    expect((await liar.closed).code).toBe("over_credit");
    tunnel.data(its, "alive");
    await other.received(5);
  });

  test("an agent that sends beyond it ends that stream, with the reason", async () => {
    const { client, tunnel, stream } = await connected(await running());
    for (let sent = 0; sent < STREAM_WINDOW; sent += full.length) tunnel.data(stream, full);
    expect(await client.closed).toMatchObject({
      code: "over_credit",
      reason: expect.stringMatching(/the node sent more/),
    });
  });

  test("all streams of a tunnel together stay within the tunnel's bound; one more is refused", {
    timeout: 20_000,
  }, async () => {
    const session = await running();
    const { tunnel, open } = await connected(session);
    let windows = open.window;
    for (let i = 1; i < TUNNEL_STREAMS; i++) {
      await FakeClient.open(session.path("ports/81"));
      windows += (await tunnel.accept()).open.window;
    }
    expect(windows).toBeLessThanOrEqual(TUNNEL_BYTES);
    expect(await refusal(await dialStream(session.path("ports/81")))).toEqual([429, "too_many_streams"]);
    expect(SMALL_WINDOW).toBeLessThan(STREAM_WINDOW);
  });
});

describe("before the upgrade", () => {
  test("what is known is a problem", async () => {
    const session = await running();
    const { path } = session;
    expect(await refusal(await dialStream("/v1/sessions/nobody/containers/main1/exec"))).toEqual([
      404,
      "not_found",
    ]);
    const sub9 = await dialStream(path("exec").replace("main1", "sub9"));
    expect(await refusal(sub9)).toEqual([404, "not_found"]);
    for (const port of ["0", "65536", "http", "1e3"]) {
      expect(await refusal(await dialStream(path(`ports/${port}`)))).toEqual([400, "invalid_request"]);
    }
    session.link.close();
    await expect
      .poll(async () => refusal(await dialStream(path("exec"))))
      .toEqual([503, "node_disconnected"]);
  });

  test("a container that does not run", async () => {
    const { id } = await create({ name: "waits" });
    expect(await refusal(await dialStream(`/v1/sessions/${id}/containers/main1/exec`))).toEqual([
      409,
      "not_running",
    ]);
  });

  test("without an upgrade the answer is the problem, or upgrade_required", async () => {
    const session = await running();
    const [{ status, body }] = await Promise.all([
      call<{ code: string }>("GET", session.path("exec")),
      tunnelOf(session),
    ]);
    expect([status, body.code]).toEqual([426, "upgrade_required"]);
  });

  test("viewers and other projects are refused", async () => {
    const session = await running();
    const viewer = await mint("viewer");
    const stranger = await mint("user", "other");
    for (const what of ["exec", "ports/80"]) {
      expect(await refusal(await dialStream(session.path(what), viewer.headers))).toEqual([403, "forbidden"]);
      expect(await refusal(await dialStream(session.path(what), stranger.headers))).toEqual([
        404,
        "not_found",
      ]);
      expect(await refusal(await dialStream(session.path(what), { authorization: "" }))).toEqual([
        401,
        "unauthorized",
      ]);
    }
  });

  test("a browser passes its token as a subprotocol, and gets ours in the answer", async () => {
    const session = await running();
    const token = btoa(env.SKEIN_ADMIN_TOKEN).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
    const [response] = await Promise.all([
      dialStream(session.path("exec"), {
        authorization: "",
        "sec-websocket-protocol": `skein.v1, base64url.bearer.authorization.skein.${token}`,
      }),
      tunnelOf(session),
    ]);
    expect([response.status, response.headers.get("sec-websocket-protocol")]).toEqual([101, "skein.v1"]);
  });
});

test("streams and agents share MAX_LINKS: one that has no room is refused before it waits for a tunnel", async () => {
  const session = await running();
  await connected(session);
  await withSettings({ maxLinks: openLinks() + 1 }, async () => {
    const client = await FakeClient.open(session.path("ports/81"));
    expect(await refusal(await dialStream(session.path("ports/82")))).toEqual([503, "unavailable"]);
    client.close();
    await expect.poll(async () => (await dialStream(session.path("ports/83"))).status).toBe(101);
  });
});

describe("the end of a stream", () => {
  test("a tunnel that breaks ends its streams; the next client gets a new one", async () => {
    const session = await running();
    const { client, tunnel } = await connected(session);
    tunnel.close();
    expect(await client.closed).toMatchObject({ code: "node_disconnected", socketCode: 4100 });
    await connected(session);
  });

  test("a client that leaves ends its stream at the agent", async () => {
    const { client, tunnel, stream } = await connected(await running());
    client.close();
    expect(await tunnel.next("close")).toEqual({
      stream,
      message: { type: "close", code: "client_gone", reason: expect.any(String) },
    });
  });

  test("a revoked token's streams end, and no other's", async () => {
    const session = await running();
    const { client: admin, tunnel, stream } = await connected(session);
    const { id, headers } = await mint("user");
    const client = await FakeClient.open(session.path("ports/81"), headers);
    await tunnel.accept();
    await call("DELETE", `/v1/tokens/${id}`);
    expect((await client.closed).code).toBe("revoked");
    tunnel.data(stream, "alive");
    await admin.received(5);
  });
});

describe("an agent's tunnel", () => {
  test("opens only for a node that it is wanted of, that the fleet knows, with the node's key", async () => {
    const session = await running();
    const closeCode = async (response: Response) => new FakeTunnel(response.webSocket!).closed;
    expect(await closeCode(await dialTunnel("node_stranger", session.id))).toBe(4004);
    expect(await closeCode(await dialTunnel(session.agent.id, "ses_unknown"))).toBe(4004);
    expect(await closeCode(await dialTunnel(session.agent.id, session.id))).toBe(4011);
    const other = await FakeAgent.join();
    const client = dialStream(session.path("ports/80"));
    await session.link.next<TunnelWanted>("tunnel");
    const thief = await FakeTunnel.open(
      Object.assign(Object.create(session.agent), { keys: other.keys }),
      session.id,
    );
    expect(await thief.closed).toBe(4001);
    const tunnel = await FakeTunnel.open(session.agent, session.id);
    expect((await client).status).toBe(101);
    await tunnel.accept();
  });

  test.each([
    ["too short", new Uint8Array([0, 0, 0])],
    ["an unknown channel", new Uint8Array([0, 0, 0, 1, 9])],
    ["a stream that was never opened", new Uint8Array([0, 0, 0, 99, 1, 1])],
    ["input, which only clients send", new Uint8Array([0, 0, 0, 1, 0, 1])],
    ["control that is no message", new Uint8Array([0, 0, 0, 1, 3, 123])],
    ["too much data in a frame", new Uint8Array(5 + 64 * 1024 + 1).fill(1, 3)],
    // As an array's length that would be a gigabyte.
    ["text", "1000000000"],
  ])("closes on a frame that is %s", async (_, frame) => {
    const { client, tunnel } = await connected(await running());
    tunnel.raw(frame);
    expect(await tunnel.closed).toBe(4000);
    expect((await client.closed).code).toBe("node_disconnected");
  });
});
