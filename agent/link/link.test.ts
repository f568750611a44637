import { createPublicKey, generateKeyPairSync, verify } from "node:crypto";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type WebSocket, WebSocketServer } from "ws";
import { connectProof, type Hello } from "../../shared/protocol.ts";
import { identityOf } from "../identity.ts";
import { makeLog } from "../log.ts";
import type { Desired } from "./frames.ts";
import { Link } from "./link.ts";

const challenge = { type: "challenge", protocol: { min: 1, max: 1 }, fleet: "flt_1", nonce: "n0" };
const welcome = { type: "welcome", protocol: 1, connection: 1, assignments: [] };
const about: Pick<Hello, "bootId" | "address" | "capacity" | "facts"> = {
  bootId: "boot",
  address: "192.0.2.1",
  capacity: { cpu: 1, memory: 1, gpu: 0 },
  facts: {
    os: "Debian",
    kernel: "6.1",
    arch: "x64",
    dockerVersion: "20.10",
    agentVersion: "0.1.0",
    mtu: 1500,
    gpuIds: [],
    usedSubnets: [],
  },
};

const { privateKey } = generateKeyPairSync("ed25519");
const identity = identityOf({ fleet: "flt_1", node: "node_1", name: "one" }, privateKey);

let server: WebSocketServer;
/** One entry for each connection. */
let dialled: { socket: WebSocket; url: string; frames: string[] }[];
let leaving: AbortController;
let log: string[];

beforeEach(async () => {
  [dialled, log, leaving] = [[], [], new AbortController()];
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
});

/** A link that is being run; `welcomed` counts its welcomes. */
function run() {
  const seen = { welcomed: 0, assigned: [] as Desired[] };
  const link = new Link({
    api: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    identity,
    about: async () => about,
    onWelcome: () => seen.welcomed++,
    onAssign: (desired) => seen.assigned.push(desired),
    log: makeLog((line) => log.push(line)),
  });
  return { link, seen, stopped: link.run(leaving.signal) };
}

const say = (socket: WebSocket, frame: object) => socket.send(JSON.stringify(frame));
const nextDial = async () => {
  const [socket] = (await once(server, "connection")) as [WebSocket];
  return dialled.find((each) => each.socket === socket)!;
};

describe("the link", () => {
  test("answers the challenge with a signature that fits fleet, node and nonce, and nothing else", async () => {
    const { seen, link } = run();
    const { socket, url, frames } = await nextDial();
    expect(url).toBe("/v1/agents/connect?node=node_1");
    say(socket, challenge);
    await once(socket, "message");
    const hello = JSON.parse(frames[0]!) as Hello;
    expect(hello).toMatchObject({ type: "hello", fleet: "flt_1", node: "node_1", ...about });
    const signature = Buffer.from(hello.signature, "base64url");
    const fits = (nonce: string) =>
      verify(
        null,
        Buffer.from(connectProof("flt_1", "node_1", nonce)),
        createPublicKey(privateKey),
        signature,
      );
    expect([fits("n0"), fits("n1")]).toEqual([true, false]);

    say(socket, welcome);
    say(socket, { type: "assign", session: "ses_1", epoch: 1, phase: "removed" });
    await expect.poll(() => seen.assigned).toHaveLength(1);
    expect(seen.welcomed).toBe(1);
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
