import { createPublicKey, verify } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type WebSocket, WebSocketServer } from "ws";
import { connectProof, type Hello, type Rotate, rotateProof } from "../../shared/protocol/protocol.ts";
import { FACTS } from "../../shared/testing/fixtures.ts";
import { makeLog } from "../log.ts";
import { NodeKeys } from "../node/node-keys.ts";
import type { Desired } from "./api-frames.ts";
import { Link } from "./link.ts";
import { Rotation } from "./rotation.ts";

const challenge = { type: "challenge", protocol: { min: 1, max: 1 }, fleet: "flt_1", nonce: "n0" };
const welcome = { type: "welcome", protocol: 1, connection: 1, assignments: [] };
const about: Pick<Hello, "bootId" | "address" | "capacity" | "facts"> = {
  bootId: "boot",
  address: "192.0.2.1",
  capacity: { cpu: 1, memory: 1, gpu: 0 },
  facts: FACTS,
};

const joined = { fleet: "flt_1", node: "node_1" };

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

/** A link that is being run; `welcomed` counts its welcomes. */
function run({ rotateKey = false } = {}) {
  const keys = new NodeKeys(stateDir);
  const seen = { welcomed: 0, assigned: [] as Desired[], nodes: [] as string[] };
  const link = new Link({
    api: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    joined,
    sign: (text) => keys.sign(text),
    rotation: new Rotation({ keys, joined, wanted: rotateKey, log: makeLog((line) => log.push(line)) }),
    about: async () => about,
    onWelcome: () => seen.welcomed++,
    onAssign: (desired) => seen.assigned.push(desired),
    onNodes: (addresses) => seen.nodes.push(...addresses),
    log: makeLog((line) => log.push(line)),
  });
  return { link, seen, stopped: link.run(leaving.signal) };
}

const say = (socket: WebSocket, frame: object) => socket.send(JSON.stringify(frame));
/** The first that was not asked for yet. */
const nextDial = async () => {
  if (dialled.length === taken) await once(server, "connection");
  return dialled[taken++]!;
};

/** Whether an Ed25519 signature (base64url) over the text is by the raw public key (base64url). */
const isBy = (x: string, text: string, signature: string) =>
  verify(
    null,
    Buffer.from(text),
    createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x }, format: "jwk" }),
    Buffer.from(signature, "base64url"),
  );
/** Takes the next dial and reads its hello, as an API that knows `key` and no other: closes with 4001 where it is not by that. */
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
  test("tells the API of the next key, proven for this connection, and uses it once the API has it", async () => {
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
    // Once: the next link is by the new key and asks for nothing.
    first.socket.terminate();
    const second = await meet(publicKey);
    expect(second.known).toBe(true);
    await expect.poll(() => seen.welcomed).toBe(2);
    second.socket.close(4009);
    await once(second.socket, "close");
    expect(second.frames).toHaveLength(1);
  });

  test("goes on with the next key where the API took it and its word was lost", async () => {
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

  test("goes on with the old key where the API never took the next, and tries again with another", async () => {
    const old = new NodeKeys(stateDir).publicKey;
    run({ rotateKey: true });
    const first = await meet(old);
    const lost = await rotateOf(first);
    first.socket.terminate();
    const second = await meet(old);
    expect(second.known).toBe(true);
    expect((await rotateOf(second)).publicKey).not.toBe(lost.publicKey);
  });

  test("is taken up by the next agent after a crash, which asks for none of its own", async () => {
    const { publicKey } = new NodeKeys(stateDir).begin();
    const { seen } = run();
    expect((await meet(publicKey)).known).toBe(false);
    expect((await meet(publicKey)).known).toBe(true);
    await expect.poll(() => seen.welcomed).toBe(1);
    expect(new NodeKeys(stateDir).publicKey).toBe(publicKey);
  });

  test("stops where the API knows neither key", async () => {
    new NodeKeys(stateDir).begin();
    const stranger = await mkdtemp(join(stateDir, "other-"));
    const { publicKey } = new NodeKeys(stranger);
    const { stopped } = run();
    await meet(publicKey);
    await meet(publicKey);
    expect(await stopped).toBe("the node's key does not match");
  });
});

describe("the link", () => {
  test("answers the challenge with a signature that fits fleet, node and nonce, and nothing else", async () => {
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
    say(socket, { type: "nodes", addresses: ["192.0.2.1", "192.0.2.2"] });
    say(socket, { type: "assign", session: "ses_1", epoch: 1, phase: "removed" });
    await expect.poll(() => seen.assigned).toHaveLength(1);
    expect(seen.welcomed).toBe(1);
    expect(seen.nodes).toEqual(["192.0.2.1", "192.0.2.2"]);
    link.send({ type: "facts", capacity: about.capacity, facts: about.facts });
    await once(socket, "message");
    expect(JSON.parse(frames[1]!)).toMatchObject({ type: "facts" });
  });

  test("stops at another fleet's challenge, without a hello", async () => {
    const { stopped } = run();
    const { socket, frames } = await nextDial();
    say(socket, { ...challenge, fleet: "flt_2" });
    expect(await stopped).toMatch(/another fleet \(flt_2\)/);
    expect(frames).toEqual([]);
  });

  test("stops where no protocol version is in common", async () => {
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

  const removed = { type: "assign", session: "ses_1", epoch: 1, phase: "removed" };
  test.each<[string, object[]]>([
    ["a welcome before the challenge, which could be another fleet's", [welcome]],
    ["an assignment before the challenge", [removed]],
    ["an assignment before the welcome", [challenge, removed]],
    ["a second challenge", [challenge, challenge]],
    ["work without an assignment", [challenge, welcome, { ...removed, phase: "prepared" }]],
  ])("refuses %s with 4000 and does nothing of it", async (_, frames) => {
    const { seen } = run();
    const { socket } = await nextDial();
    const closed = once(socket, "close");
    for (const frame of frames) say(socket, frame);
    expect((await closed)[0]).toBe(4000);
    expect(seen.assigned).toEqual([]);
    expect(seen.welcomed).toBe(frames.includes(welcome) && frames.includes(challenge) ? 1 : 0);
  });

  test("refuses bytes, also where they are right as text", async () => {
    const { seen } = run();
    const { socket } = await nextDial();
    const closed = once(socket, "close");
    say(socket, challenge);
    socket.send(Buffer.from(JSON.stringify(welcome)));
    expect((await closed)[0]).toBe(4000);
    expect(seen.welcomed).toBe(0);
  });

  test("what is said while it is down is dropped, not kept", async () => {
    const { link } = run();
    link.send({ type: "facts", capacity: about.capacity, facts: about.facts });
    const { socket, frames } = await nextDial();
    say(socket, challenge);
    await once(socket, "message");
    expect(frames.map((frame) => JSON.parse(frame).type)).toEqual(["hello"]);
  });

  test("ends with the signal, and says goodbye", async () => {
    const { stopped } = run();
    const { socket } = await nextDial();
    const closed = once(socket, "close");
    leaving.abort();
    expect(await stopped).toBeUndefined();
    await closed;
  });

  test("the log says that it is up, in words that programs wait for", async () => {
    run();
    const { socket } = await nextDial();
    say(socket, challenge);
    await once(socket, "message");
    say(socket, welcome);
    await expect.poll(() => log.join("")).toMatch(/ info {2}link is up assignments=0\n/);
  });
});
