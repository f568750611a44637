import { createPublicKey, verify } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type WebSocket, WebSocketServer } from "ws";
import {
  type Assign,
  connectProof,
  type Hello,
  type Nodes,
  PROTOCOL,
  type Rotate,
  rotateProof,
} from "../../shared/protocol/protocol.ts";
import { FACTS } from "../../shared/testing/fixtures.ts";
import { makeLog } from "../log.ts";
import { NodeKeys } from "../node/node-keys.ts";
import type { About } from "./connection.ts";
import { Link } from "./link.ts";
import { Rotation } from "./rotation.ts";

const challenge = { type: "challenge", protocol: PROTOCOL, fleet: "flt_1", nonce: "n0" };
const welcome = { type: "welcome", protocol: PROTOCOL.max, connection: 1, redialMs: 0, assignments: [] };
const about: About = {
  bootId: "boot",
  address: "192.0.2.1",
  capacity: { cpu: 1, memory: 1, gpu: 0 },
  facts: FACTS,
  has: [{ session: "ses_1", epoch: 2, keys: true }],
  nodes: 7,
};

const joined = { fleet: "flt_1", node: "node_1" };
const layout = {
  ...{ name: "one", nodes: [["192.0.2.1", "10.64.0.254"]], roles: [], members: [], env: {} },
  logs: { bytes: 67_108_864, seconds: 604_800 },
  network: { driver: "bridge", subnet: "10.64.0.0/24", mtu: 1500, port: 14789, egress: true },
};
const nodes = { type: "nodes", since: 7, number: 9, added: ["192.0.2.1-192.0.2.2"], removed: [] };

let stateDir: string;
let server: WebSocketServer;
let taken: number;
/** One entry for each connection. */
let dialled: { socket: WebSocket; url: string; frames: string[] }[];
let leaving: AbortController;
let log: string[];

beforeEach(async () => {
  stateDir = await mkdtemp(join(tmpdir(), "skein-link-"));
  [dialled, taken, log, leaving] = [[], 0, [], new AbortController()];
  server = new WebSocketServer({ host: "127.0.0.1", port: 0 });
  server.on("connection", (socket, request) => {
    const frames: string[] = [];
    dialled.push({ socket, url: request.url!, frames });
    socket.on("message", (data) => frames.push(String(data)));
  });
  await once(server, "listening");
});

afterEach(async () => {
  leaving.abort();
  for (const socket of server.clients) socket.terminate();
  server.close();
  await once(server, "close");
  await rm(stateDir, { recursive: true });
});

/** Runs a link. `welcomed` counts its welcomes. */
function run({ rotateKey = false, random = Math.random } = {}) {
  const keys = new NodeKeys(stateDir);
  const seen = { welcomed: 0, assigned: [] as Assign[], nodes: [] as number[] };
  const link = new Link({
    api: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    joined,
    sign: (text) => keys.sign(text),
    rotation: new Rotation({ keys, joined, wanted: rotateKey, log: makeLog((line) => log.push(line)) }),
    about: async () => about,
    onWelcome: () => seen.welcomed++,
    onAssign: (desired) => seen.assigned.push(desired),
    onNodes: ({ since, number }: Nodes) => {
      seen.nodes.push(number);
      return since === 7;
    },
    onTunnel: () => {},
    random,
    log: makeLog((line) => log.push(line)),
  });
  return { link, seen, stopped: link.run(leaving.signal) };
}

const say = (socket: WebSocket, frame: object) => socket.send(JSON.stringify(frame));
/** The next connection that no test has looked at. */
const nextDial = async () => {
  if (dialled.length === taken) await once(server, "connection");
  return dialled[taken++]!;
};

/** Whether the raw public key (base64url) made this Ed25519 signature (base64url) of the text. */
const isBy = (x: string, text: string, signature: string) =>
  verify(
    null,
    Buffer.from(text),
    createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x }, format: "jwk" }),
    Buffer.from(signature, "base64url"),
  );
/** Takes the next connection and its hello, as an API that knows only `key`: it closes with 4001 when another key signed. */
const meet = async (key: string) => {
  const { socket, frames } = await nextDial();
  say(socket, challenge);
  await once(socket, "message");
  const known = isBy(key, connectProof("flt_1", "node_1", "n0"), (JSON.parse(frames[0]!) as Hello).signature);
  if (known) say(socket, welcome);
  else socket.close(4001);
  return { socket, frames, known };
};
const rotateOf = async ({ socket, frames }: { socket: WebSocket; frames: string[] }) => {
  if (frames.length < 2) await once(socket, "message");
  return JSON.parse(frames[1]!) as Rotate;
};

describe("replacing the node's key", () => {
  test("sends the new key with a proof for this connection, and uses it once the API has confirmed", async () => {
    const old = new NodeKeys(stateDir).publicKey;
    const { seen } = run({ rotateKey: true });
    const first = await meet(old);
    const { type, publicKey, signature } = await rotateOf(first);
    expect(type).toBe("rotate");
    expect(publicKey).not.toBe(old);
    expect(isBy(publicKey, rotateProof("flt_1", "node_1", "n0"), signature)).toBe(true);
    expect(new NodeKeys(stateDir).publicKey).toBe(old);
    say(first.socket, { type: "rotated", publicKey });
    await expect.poll(() => new NodeKeys(stateDir).publicKey).toBe(publicKey);
    expect(log.join("")).toMatch(/key was replaced/);
    // Only once: the next link uses the new key, and asks for no other.
    first.socket.terminate();
    const second = await meet(publicKey);
    expect(second.known).toBe(true);
    await expect.poll(() => seen.welcomed).toBe(2);
    second.socket.close(4009);
    await once(second.socket, "close");
    expect(second.frames).toHaveLength(1);
  });

  test("uses the new key when the API took it and the confirmation was lost", async () => {
    const old = new NodeKeys(stateDir).publicKey;
    const { seen } = run({ rotateKey: true });
    const first = await meet(old);
    const { publicKey } = await rotateOf(first);
    first.socket.terminate();
    expect((await meet(publicKey)).known).toBe(false);
    const third = await meet(publicKey);
    expect(third.known).toBe(true);
    await expect.poll(() => seen.welcomed).toBe(2);
    expect(new NodeKeys(stateDir).publicKey).toBe(publicKey);
    expect(third.frames).toHaveLength(1);
  });

  test("keeps the old key when the API never got the new one, and tries again with another", async () => {
    const old = new NodeKeys(stateDir).publicKey;
    run({ rotateKey: true });
    const first = await meet(old);
    const lost = await rotateOf(first);
    first.socket.terminate();
    const second = await meet(old);
    expect(second.known).toBe(true);
    expect((await rotateOf(second)).publicKey).not.toBe(lost.publicKey);
  });

  test("is completed by the next run of the agent after a crash, which begins no replacement of its own", async () => {
    const { publicKey } = new NodeKeys(stateDir).begin();
    const { seen } = run();
    expect((await meet(publicKey)).known).toBe(false);
    expect((await meet(publicKey)).known).toBe(true);
    await expect.poll(() => seen.welcomed).toBe(1);
    expect(new NodeKeys(stateDir).publicKey).toBe(publicKey);
  });

  test("stops when the API knows neither key", async () => {
    new NodeKeys(stateDir).begin();
    const stranger = await mkdtemp(join(stateDir, "other-"));
    const { publicKey } = new NodeKeys(stranger);
    const { stopped } = run();
    await meet(publicKey);
    await meet(publicKey);
    expect(await stopped).toBe("the node's key does not match");
  });
});

test("a dial that is answered with 503 and Retry-After waits at least that long, plus a random time", async () => {
  const full = createServer((_, response) => response.end()).listen(0, "127.0.0.1");
  await once(full, "listening");
  let asked = 0;
  full.on("upgrade", (_, socket) => {
    asked++;
    socket.end("HTTP/1.1 503 Service Unavailable\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n");
  });
  const log: string[] = [];
  const keys = new NodeKeys(stateDir);
  const pino = makeLog((line) => log.push(line));
  const link = new Link({
    api: `http://127.0.0.1:${(full.address() as AddressInfo).port}`,
    joined,
    sign: (text) => keys.sign(text),
    rotation: new Rotation({ keys, joined, wanted: false, log: pino }),
    about: async () => about,
    onWelcome: () => {},
    onAssign: () => {},
    onNodes: () => true,
    onTunnel: () => {},
    random: () => 0.5,
    log: pino,
  });
  const stopped = link.run(leaving.signal);
  await expect
    .poll(() => log.join(""))
    .toMatch(/the API answered 503 Service Unavailable.* again_ms=10500\n/);
  expect(asked).toBe(1);
  leaving.abort();
  await stopped;
  full.close();
});

describe("the link", () => {
  test("answers the challenge with a signature for this fleet, node and nonce only", async () => {
    const { seen, link } = run();
    const { socket, url, frames } = await nextDial();
    expect(url).toBe("/v1/agents/connect?node=node_1");
    say(socket, challenge);
    await once(socket, "message");
    const hello = JSON.parse(frames[0]!) as Hello;
    expect(hello).toMatchObject({ type: "hello", fleet: "flt_1", node: "node_1", ...about });
    const key = new NodeKeys(stateDir).publicKey;
    const fits = (nonce: string) => isBy(key, connectProof("flt_1", "node_1", nonce), hello.signature);
    expect([fits("n0"), fits("n1")]).toEqual([true, false]);

    say(socket, welcome);
    say(socket, nodes);
    say(socket, { type: "assign", session: "ses_1", epoch: 1, phase: "removed" });
    await expect.poll(() => seen.assigned).toHaveLength(1);
    expect(seen.welcomed).toBe(1);
    expect(seen.nodes).toEqual([9]);
    link.send({ type: "facts", capacity: about.capacity, facts: about.facts });
    await once(socket, "message");
    expect(JSON.parse(frames[1]!)).toMatchObject({ type: "facts" });
  });

  test("stops at another fleet's challenge, and sends no hello", async () => {
    const { stopped } = run();
    const { socket, frames } = await nextDial();
    say(socket, { ...challenge, fleet: "flt_2" });
    expect(await stopped).toMatch(/another fleet \(flt_2\)/);
    expect(frames).toEqual([]);
  });

  test("stops when the two sides have no protocol version in common", async () => {
    const { stopped } = run();
    const { socket } = await nextDial();
    say(socket, { ...challenge, protocol: { min: 7, max: 9 } });
    expect(await stopped).toMatch(/speaks 7 to 9/);
  });

  test.each([
    [4001, "the node's key does not match"],
    [4004, "this fleet does not know the node"],
    [4009, "a newer connection of this node took over"],
    [4010, "no protocol version in common"],
  ])("stops when it is closed with %i", async (code, reason) => {
    const { stopped } = run();
    const { socket } = await nextDial();
    socket.close(code);
    expect(await stopped).toBe(reason);
  });

  test.each([
    ["a lost connection", (socket: WebSocket) => socket.terminate()],
    ["4011", (socket: WebSocket) => socket.close(4011)],
    ["a frame that is no JSON", (socket: WebSocket) => socket.send("{")],
    ["a frame that makes no sense", (socket: WebSocket) => say(socket, { ...challenge, nonce: 7 })],
  ])("dials again after %s", async (_, breakOff) => {
    const { seen } = run();
    breakOff((await nextDial()).socket);
    const { socket } = await nextDial();
    say(socket, challenge);
    await once(socket, "message");
    say(socket, welcome);
    await expect.poll(() => seen.welcomed).toBe(1);
  });

  test("does not offer compression, which would cost the API memory for each node", async () => {
    run();
    const [, request] = (await once(server, "connection")) as [WebSocket, IncomingMessage];
    expect(request.headers["sec-websocket-extensions"]).toBeUndefined();
  });

  test("closes with 4011 when the node lacks something, and dials again", async () => {
    const { link, seen } = run();
    const first = await nextDial();
    say(first.socket, challenge);
    await once(first.socket, "message");
    say(first.socket, welcome);
    await expect.poll(() => seen.welcomed).toBe(1);
    const closed = once(first.socket, "close");
    link.resync("a session came without its keys");
    expect((await closed)[0]).toBe(4011);
    await nextDial();
    expect(log.join("")).toContain('reason="a session came without its keys"');
  });

  test("accepts a change of the fleet's nodes before the welcome, and closes with 4011 when one is missing", async () => {
    const { seen } = run();
    const { socket } = await nextDial();
    const closed = once(socket, "close");
    say(socket, challenge);
    await once(socket, "message");
    say(socket, nodes);
    await expect.poll(() => seen.nodes).toEqual([9]);
    say(socket, { ...nodes, since: 12, number: 13 });
    expect((await closed)[0]).toBe(4011);
    await nextDial();
  });

  const removed = { type: "assign", session: "ses_1", epoch: 1, phase: "removed" };
  test.each<[string, object[]]>([
    ["a welcome before the challenge, since the fleet is not known yet", [welcome]],
    ["an assignment before the challenge", [removed]],
    ["an assignment before the welcome", [challenge, removed]],
    ["a second challenge", [challenge, challenge]],
    ["an assignment whose part is missing", [challenge, welcome, { ...removed, phase: "prepared", layout }]],
  ])("refuses %s with 4000, and does not act on it", async (_, frames) => {
    const { seen } = run();
    const { socket } = await nextDial();
    const closed = once(socket, "close");
    for (const frame of frames) say(socket, frame);
    expect((await closed)[0]).toBe(4000);
    expect(seen.assigned).toEqual([]);
    expect(seen.welcomed).toBe(frames.includes(welcome) && frames.includes(challenge) ? 1 : 0);
  });

  test("refuses a binary frame, even when its text would be right", async () => {
    const { seen } = run();
    const { socket } = await nextDial();
    const closed = once(socket, "close");
    say(socket, challenge);
    socket.send(Buffer.from(JSON.stringify(welcome)));
    expect((await closed)[0]).toBe(4000);
    expect(seen.welcomed).toBe(0);
  });

  test("drops messages while it is down", async () => {
    const { link } = run();
    link.send({ type: "facts", capacity: about.capacity, facts: about.facts });
    const { socket, frames } = await nextDial();
    say(socket, challenge);
    await once(socket, "message");
    expect(frames.map((frame) => JSON.parse(frame).type)).toEqual(["hello"]);
  });

  test("ends with the signal, and closes the connection", async () => {
    const { stopped } = run();
    const { socket } = await nextDial();
    const closed = once(socket, "close");
    leaving.abort();
    expect(await stopped).toBeUndefined();
    await closed;
  });

  test("logs that it is up, in the words that other programs wait for", async () => {
    run();
    const { socket } = await nextDial();
    say(socket, challenge);
    await once(socket, "message");
    say(socket, welcome);
    await expect.poll(() => log.join("")).toMatch(/ info {2}link is up assignments=0\n/);
  });
});
