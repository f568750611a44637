/** Requests to a web server "in a container": a server of the test, at the other end of the kit's `forward`. */
import { once } from "node:events";
import { createServer, type RequestListener, type Server } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { afterEach, expect, test } from "vitest";
import { WebSocketServer } from "ws";
import { encodeMessage, KIND, MessageReader } from "../../shared/streams/socket-messages.ts";
import type { OpenHttp } from "../../shared/streams/stream-messages.ts";
import type { Forwarders } from "../ports/forwarders.ts";
import { MemoryStream } from "../testing/memory-stream.ts";
import { serveHttp } from "./serve-http.ts";

let server: Server;
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

/** Starts the app. */
async function app(listener: RequestListener): Promise<number> {
  server = createServer(listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

/** A connection without the kit's program. */
const forwarders = {
  use: (_container: unknown, work: (forwarder: object) => Promise<void>) =>
    work({
      connect: async (address: string, port: number) => {
        const socket: Socket = connect(port, address);
        return await once(socket, "connect").then(
          () => socket,
          () => undefined,
        );
      },
    }),
} as unknown as Forwarders;

const find = () => ({
  ...{ containerId: "c1", address: "127.0.0.1", selfDir: "/", running: true },
  leaving: false,
  hostNetwork: false,
});

function ask(port: number, more: Partial<OpenHttp> = {}): MemoryStream {
  const open: OpenHttp = {
    ...{ type: "open", kind: "http", window: 1, host: "main1", port, method: "GET", path: "/" },
    ...{ headers: [["Host", "localhost"]], webSocket: false, ...more },
  };
  return MemoryStream.open(serveHttp(forwarders, find), open);
}

test("a request goes out as it was given, and its answer comes back as it was made", async () => {
  const port = await app(async (request, response) => {
    const pieces = await request.toArray();
    response.writeHead(
      201,
      [
        ["X-A", "1"],
        ["X-A", "2"],
        ["Content-Length", "2"],
      ].flat(),
    );
    response.end("ok");
    expect([request.method, request.url, Buffer.concat(pieces).toString()]).toEqual([
      "PATCH",
      "/a?b=%20",
      "body",
    ]);
    expect(request.rawHeaders).toEqual([
      "Host",
      "x",
      "X-B",
      "1",
      "x-b",
      "2",
      "Transfer-Encoding",
      "chunked",
      "Connection",
      "close",
    ]);
  });
  const headers: OpenHttp["headers"] = [
    ["Host", "x"],
    ["X-B", "1"],
    ["x-b", "2"],
    ["Transfer-Encoding", "chunked"],
  ];
  const stream = ask(port, { method: "PATCH", path: "/a?b=%20", headers }).send("body").sendEnd();
  expect(await stream.ended).toEqual({ code: "done", reason: "" });
  expect(stream.said).toEqual(["opened", "response 201", "end"]);
  expect(stream.headers.filter(([name]) => name === "X-A")).toEqual([
    ["X-A", "1"],
    ["X-A", "2"],
  ]);
  expect(stream.stdout).toBe("ok");
});

test("an answer may come before all of the request has", async () => {
  const port = await app((_request, response) => response.writeHead(413).end("too large"));
  const stream = ask(port, {
    method: "POST",
    headers: [
      ["Host", "x"],
      ["Content-Length", "1000"],
    ],
  }).send("some");
  expect(await stream.ended).toEqual({ code: "done", reason: "" });
  expect([stream.said[1], stream.stdout]).toEqual(["response 413", "too large"]);
});

test("what is no answer ends the stream, and says why", async () => {
  const port = await app(({ socket, url }) => socket.end(url === "/empty" ? "" : "SSH-2.0-OpenSSH\r\n"));
  expect(await ask(port, { path: "/empty" }).sendEnd().ended).toEqual({
    code: "failed",
    reason: "the app did not answer the request: socket hang up",
  });
  expect((await ask(port, { path: "/ssh" }).sendEnd().ended).reason).toMatch(/Parse Error/);
});

test("an answer with more headers than a message holds ends its stream, not the tunnel", async () => {
  const port = await app((_request, response) => {
    for (let i = 0; i < 600; i++) response.setHeader(`x-${i}`, "1");
    response.end();
  });
  const { code, reason } = await ask(port).sendEnd().ended;
  expect([code, reason]).toEqual(["failed", expect.stringContaining("too many headers")]);
});

test("nothing that listens is a refusal", async () => {
  const port = await app(() => {});
  server.close();
  await once(server, "close");
  expect((await ask(port).ended).code).toBe("refused");
});

test("a client that leaves ends the app's connection", async () => {
  const left = Promise.withResolvers<void>();
  const port = await app((request, response) => {
    response.writeHead(200).write("first");
    request.socket.once("close", () => left.resolve());
  });
  const stream = ask(port).sendEnd();
  await stream.until(() => stream.stdout === "first");
  stream.lose();
  await left.promise;
});

test("a WebSocket that the app breaks off is no proper close", async () => {
  const port = await app(() => {});
  const sockets = new WebSocketServer({ server });
  sockets.on("connection", (socket) => socket.on("message", () => socket.terminate()));
  const stream = ask(port, { webSocket: true, headers: [["Sec-WebSocket-Protocol", "a, b"]] });
  await stream.until(({ said }) => said.includes("response 101"));
  expect(stream.headers).toContainEqual(["Sec-WebSocket-Protocol", "a"]);
  stream.send(Buffer.from(encodeMessage(KIND.text, Buffer.from("x"))));
  expect(await stream.ended).toEqual({ code: "failed", reason: "the app broke off its WebSocket" });
});

test("an app that sends faster than the client takes is not read ahead", async () => {
  const port = await app(() => {});
  const sockets = new WebSocketServer({ server });
  const piece = Buffer.alloc(1024 * 1024);
  let waiting = () => 0;
  sockets.on("connection", (socket) => {
    for (let i = 0; i < 64; i++) socket.send(piece);
    waiting = () => socket.bufferedAmount;
  });
  const stream = ask(port, { webSocket: true });
  stream.hold(true);
  await stream.until(({ said }) => said.includes("response 101"));
  await expect.poll(() => waiting()).toBeGreaterThan(32 * piece.length);
  stream.hold(false);
  await stream.until(({ counted }) => counted[1] === 64 * (piece.length + 5));
  const messages = [...new MessageReader().read(stream.output)];
  expect(messages.map(({ payload }) => payload.length)).toEqual(
    Array.from({ length: 64 }, () => piece.length),
  );
  stream.lose();
});
