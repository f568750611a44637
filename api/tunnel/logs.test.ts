/** Logs through a session's Tunnel object, with agents that are tests. */
import { reset } from "cloudflare:test";
import { env, exports } from "cloudflare:workers";
import { afterEach, describe, expect, test } from "vitest";
import type { TunnelWanted } from "../../shared/protocol/protocol.ts";
import { costOf, SMALL_WINDOW, STREAM_WINDOW } from "../../shared/streams/credit.ts";
import { encodeRecords, type LogRecord } from "../../shared/streams/log-records.ts";
import type { OpenLogs } from "../../shared/streams/stream-messages.ts";
import { call, create, mint, problem, settled } from "../testing/call-api.ts";
import { nodeFacts, readyNode } from "../testing/fake-agent.ts";
import { FakeTunnel } from "../testing/fake-tunnel.ts";

afterEach(() => reset());

const encoder = new TextEncoder();

function line(
  place: number,
  time: number,
  text: string | Uint8Array,
  over: Partial<LogRecord> = {},
): Uint8Array {
  const bytes = typeof text === "string" ? encoder.encode(text) : text;
  return encodeRecords([{ place, stream: "stdout", time: BigInt(time), partial: false, bytes, ...over }]);
}

type Node = Awaited<ReturnType<typeof readyNode>>;

/** A running session of `size` on so many nodes. */
async function running(size: number, nodeCount = 1) {
  const nodes: Node[] = [];
  for (let i = 0; i < nodeCount; i++) nodes.push(await readyNode(nodeFacts(8, `192.0.2.${i + 1}`)));
  for (const { link } of nodes) link.follow();
  const { id } = await create({ clusterMode: "multi-node", clusterSize: size });
  expect((await settled(id)).status).toBe("running");
  return { id, nodes };
}

async function tunnel({ agent, link }: Node, id: string): Promise<FakeTunnel> {
  await link.next<TunnelWanted>("tunnel");
  return await FakeTunnel.open(agent, id);
}

/** A client that follows, and the stream at its node. */
async function followed(id: string, node: Node) {
  const [answer, its] = await Promise.all([read(`/v1/sessions/${id}/logs?follow=true`), tunnel(node, id)]);
  const { stream } = await its.accept();
  return { answer, its, stream };
}

async function read(path: string, headers: Record<string, string> = {}) {
  const response = await exports.default.fetch(`https://skein.test${path}`, {
    headers: { authorization: `Bearer ${env.SKEIN_ADMIN_TOKEN}`, ...headers },
  });
  return {
    status: response.status,
    type: response.headers.get("content-type"),
    reader: new Lines(response.body!),
  };
}

/** Reads a body line by line. */
class Lines {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #decoder = new TextDecoder();
  #rest = "";

  constructor(body: ReadableStream<Uint8Array>) {
    this.#reader = body.getReader();
  }

  /** Undefined: the end. */
  async next(): Promise<string | undefined> {
    while (!this.#rest.includes("\n")) {
      const { value, done } = await this.#reader.read();
      if (done) return this.#rest === "" ? undefined : this.#taken(this.#rest.length);
      this.#rest += this.#decoder.decode(value, { stream: true });
    }
    return this.#taken(this.#rest.indexOf("\n"));
  }

  async json(): Promise<Record<string, unknown>> {
    return JSON.parse((await this.next())!) as Record<string, unknown>;
  }

  async rest(): Promise<string[]> {
    const lines: string[] = [];
    for (let each = await this.next(); each !== undefined; each = await this.next()) lines.push(each);
    return lines;
  }

  async cancel(): Promise<void> {
    await this.#reader.cancel();
  }

  #taken(end: number): string {
    const text = this.#rest.slice(0, end);
    this.#rest = this.#rest.slice(end + 1);
    return text;
  }
}

test("JSON lines of all containers, merged by time over the nodes", async () => {
  const { id, nodes } = await running(3, 3);
  const [answer, ...tunnels] = await Promise.all([
    read(`/v1/sessions/${id}/logs?tail=5&since=1970-01-01T00:00:00.000000007Z`),
    ...nodes.map((node) => tunnel(node, id)),
  ]);
  expect([answer.status, answer.type]).toEqual([200, "application/x-ndjson"]);
  const first = answer.reader.json();
  for (const [at, each] of tunnels.entries()) {
    const { stream, open } = await each.accept();
    expect(open).toMatchObject({
      kind: "logs",
      follow: false,
      tail: 5,
      since: "7",
      hosts: [["main1", "sub1", "sub2"][at]],
    });
    each.data(stream, line(0, 10 + at, `a${at}`));
    each.data(stream, line(0, 20 - at, `b${at}`, { stream: "stderr" }));
    each.say(stream, { type: "close", code: "done", reason: "" });
  }
  expect(await first).toEqual({
    host: "main1",
    stream: "stdout",
    time: "1970-01-01T00:00:00.000000010Z",
    text: "a0",
  });
  const rest = (await answer.reader.rest()).map((text) => JSON.parse(text) as { host: string; text: string });
  expect(rest.map(({ host, text }) => `${host} ${text}`)).toEqual([
    "sub1 a1",
    "sub2 a2",
    "sub2 b2",
    "sub1 b1",
    "main1 b0",
  ]);
});

test("text is a container's own bytes, whatever they are", async () => {
  const { id, nodes } = await running(1);
  const [answer, its] = await Promise.all([
    read(`/v1/sessions/${id}/logs?host=main1`, { accept: "text/plain" }),
    tunnel(nodes[0]!, id),
  ]);
  const rest = answer.reader.rest();
  const { stream } = await its.accept();
  its.data(stream, line(0, 1, "no newline ", { partial: true }));
  its.data(stream, line(0, 2, "yet"));
  its.data(stream, line(0, 3, "\u001b[31mred", { partial: true }));
  its.say(stream, { type: "close", code: "done", reason: "" });
  expect([answer.type, await rest]).toEqual([
    "text/plain; charset=utf-8",
    ["no newline yet", "\u001b[31mred"],
  ]);
});

test("bytes that are no UTF-8 come as base64, too", async () => {
  const { id, nodes } = await running(1);
  const [answer, its] = await Promise.all([read(`/v1/sessions/${id}/logs`), tunnel(nodes[0]!, id)]);
  const { stream } = await its.accept();
  its.data(stream, line(0, 1, new Uint8Array([0xff, 0x41])));
  expect(await answer.reader.json()).toMatchObject({ text: "\ufffdA", base64: "/0E=" });
  its.close();
});

describe("follow", () => {
  test("goes on after the tunnel broke, without gap or repeat, and says so once", async () => {
    const { id, nodes } = await running(2);
    const { answer, its, stream } = await followed(id, nodes[0]!);
    its.data(stream, line(0, 5, "a"));
    its.data(stream, line(1, 7, "b"));
    its.say(stream, { type: "live" });
    expect((await answer.reader.json())["text"]).toBe("a");
    expect((await answer.reader.json())["text"]).toBe("b");
    its.close();
    expect(await answer.reader.json()).toMatchObject({
      stream: "notice",
      text: expect.stringMatching(/they go on here/),
    });
    const again = await tunnel(nodes[0]!, id);
    const { stream: second, open } = await again.accept();
    // The older of both last times: what the other host has sent since then comes again.
    expect(open).toMatchObject({ since: "5", follow: true } satisfies Partial<OpenLogs>);
    again.data(second, line(0, 5, "a"));
    again.data(second, line(1, 7, "b"));
    again.data(second, line(0, 8, "c"));
    again.say(second, { type: "live" });
    again.say(second, { type: "close", code: "done", reason: "" });
    expect((await answer.reader.rest()).map((text) => JSON.parse(text).text)).toEqual(["c"]);
  });

  test("of a session that ended meanwhile: the rest comes when the node is back soon", async () => {
    const { id, nodes } = await running(1);
    const { answer, its, stream } = await followed(id, nodes[0]!);
    its.data(stream, line(0, 5, "a"));
    its.say(stream, { type: "live" });
    expect((await answer.reader.json())["text"]).toBe("a");
    expect((await call("DELETE", `/v1/sessions/${id}`)).status).toBe(202);
    await expect
      .poll(async () => (await call<{ status: string }>("GET", `/v1/sessions/${id}`)).body.status)
      .toBe("terminated");
    its.close();
    expect(await answer.reader.json()).toMatchObject({ stream: "notice" });
    const again = await tunnel(nodes[0]!, id);
    const { stream: second } = await again.accept();
    again.data(second, line(0, 6, "b"));
    again.say(second, { type: "close", code: "done", reason: "" });
    expect((await answer.reader.rest()).map((text) => JSON.parse(text).text)).toEqual(["b"]);
  });

  test("a quiet container does not hold back the others once it follows live", async () => {
    const { id, nodes } = await running(2, 2);
    const [answer, first, second] = await Promise.all([
      read(`/v1/sessions/${id}/logs?follow=true`),
      ...nodes.map((node) => tunnel(node, id)),
    ]);
    const [a, b] = [await first!.accept(), await second!.accept()];
    first!.data(a.stream, line(0, 5, "talks"));
    first!.say(a.stream, { type: "live" });
    second!.say(b.stream, { type: "live" });
    expect((await answer.reader.json())["text"]).toBe("talks");
    await answer.reader.cancel();
    // The platform notices at the next line, at the latest at the empty one after 15 s.
    first!.data(a.stream, line(0, 6, "nobody listens"));
    first!.data(a.stream, line(0, 7, "nobody listens"));
    expect((await first!.next("close")).message).toMatchObject({ code: "client_gone" });
  });

  test("a slow reader holds back the node: no more than the window is under way", async () => {
    const { id, nodes } = await running(1);
    const [answer, its] = await Promise.all([
      read(`/v1/sessions/${id}/logs?follow=true`),
      tunnel(nodes[0]!, id),
    ]);
    const { stream, open } = await its.accept();
    expect([STREAM_WINDOW, SMALL_WINDOW]).toContain(open.window);
    const big = line(0, 1, "x".repeat(16_000));
    let sent = 0;
    let lines = 0;
    for (; sent + costOf(big.length) <= open.window; lines++, sent += costOf(big.length))
      its.data(stream, line(0, lines + 1, "x".repeat(16_000)));
    for (let i = 0; i < lines / 2; i++) expect((await answer.reader.json())["text"]).toHaveLength(16_000);
    const { message } = await its.next("credit");
    expect((message as { bytes: number }).bytes).toBeGreaterThanOrEqual(open.window / 4);
    await answer.reader.cancel();
  });
});

describe("a node that cannot be reached", () => {
  test("gives one notice, and the others give their lines", async () => {
    const { id, nodes } = await running(2, 2);
    nodes[1]!.link.close();
    await expect
      .poll(
        async () => (await call<{ status: string }>("GET", `/v1/nodes/${nodes[1]!.agent.name}`)).body.status,
      )
      .toBe("disconnected");
    const [answer, its] = await Promise.all([read(`/v1/sessions/${id}/logs`), tunnel(nodes[0]!, id)]);
    const rest = answer.reader.rest();
    const { stream } = await its.accept();
    its.data(stream, line(0, 5, "here"));
    its.say(stream, { type: "close", code: "done", reason: "" });
    const lines = (await rest).map(
      (text) => JSON.parse(text) as { host: string; stream: string; text: string },
    );
    expect(lines.map(({ host, stream: from }) => `${host} ${from}`).sort()).toEqual([
      "main1 stdout",
      "sub1 notice",
    ]);
    expect(lines.find(({ stream: from }) => from === "notice")!.text).toMatch(/is not connected/);
  });
});

test("viewers may read; strangers find nothing; what cannot be is refused", async () => {
  const { id } = await running(1);
  const stranger = (await mint("admin", "other")).headers;
  expect(problem(await call("GET", `/v1/sessions/${id}/logs`, undefined, stranger))).toEqual([
    404,
    "not_found",
    [],
  ]);
  const get = (query: string) => call("GET", `/v1/sessions/${id}/logs?${query}`);
  expect(problem(await get("host=sub7"))).toEqual([404, "not_found", []]);
  for (const [query, field] of [
    ["tail=-1", "tail"],
    ["follow=yes", "follow"],
    ["since=yesterday", "since"],
    ["since=10", "since"],
  ]) {
    expect(problem(await get(query!))).toEqual([400, "invalid_request", [field]]);
  }
  const waits = await create({ resources: { cpu: 1000 } });
  expect(problem(await call("GET", `/v1/sessions/${waits.id}/logs`))).toEqual([409, "not_running", []]);
  const viewer = (await mint("viewer")).headers;
  const head = await exports.default.fetch(`https://skein.test/v1/sessions/${id}/logs`, {
    method: "HEAD",
    headers: viewer,
  });
  expect([head.status, head.headers.get("content-type")]).toEqual([200, "application/x-ndjson"]);
});

test("a revoked token's logs end", async () => {
  const { id, nodes } = await running(1);
  const { id: token, headers } = await mint("viewer");
  const [answer, its] = await Promise.all([
    read(`/v1/sessions/${id}/logs?follow=true`, headers),
    tunnel(nodes[0]!, id),
  ]);
  const { stream } = await its.accept();
  its.say(stream, { type: "live" });
  its.data(stream, line(0, 1, "a"));
  await answer.reader.json();
  await call("DELETE", `/v1/tokens/${token}`);
  expect(await answer.reader.next()).toBeUndefined();
});
