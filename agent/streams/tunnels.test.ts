/** When an agent dials a tunnel: once for each session, and again when it is wanted again. */
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { type WebSocket, WebSocketServer } from "ws";
import { CHANNEL, encodeFrame } from "../../shared/streams/frames.ts";
import type { Open } from "../../shared/streams/stream-messages.ts";
import { makeLog } from "../log.ts";
import type { Serve } from "./stream.ts";
import { Tunnels } from "./tunnels.ts";

const OPEN = { type: "open", kind: "port", window: 1024, host: "main1", port: 80 };

async function api(serve: Serve<Open> = async () => {}) {
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0 });
  await once(server, "listening");
  const leaving = new AbortController();
  const tunnels = new Tunnels(
    {
      api: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      ...{ fleet: "flt_1", node: "node_1" },
      sign: (text) => text,
      serverOf: () => serve,
      log: makeLog(() => {}),
    },
    leaving.signal,
  );
  onTestFinished(async () => {
    leaving.abort();
    await tunnels.closed();
    server.close();
  });
  /** The next tunnel, once its agent has answered the challenge. */
  const dialled = async (): Promise<WebSocket> => {
    const [socket] = (await once(server, "connection")) as [WebSocket];
    socket.send(JSON.stringify({ type: "challenge", fleet: "flt_1", nonce: "n" }));
    await once(socket, "message");
    return socket;
  };
  return { tunnels, server, dialled };
}

test("a session that is wanted twice is dialled once", async () => {
  const { tunnels, server, dialled } = await api();
  tunnels.want("ses_1");
  tunnels.want("ses_1");
  await dialled();
  expect(server.clients.size).toBe(1);
});

test("one that is wanted while its tunnel closes is dialled again", async () => {
  const { tunnels, dialled } = await api();
  tunnels.want("ses_1");
  const first = await dialled();
  // The word comes over another connection than the close, so it may come first.
  tunnels.want("ses_1");
  first.close(1000, "unused");
  await dialled();
});

test("one that is wanted while streams of its last tunnel are still served is dialled again", async () => {
  const left = Promise.withResolvers<void>();
  const { tunnels, dialled } = await api(async (stream) => {
    stream.opened();
    await left.promise;
  });
  onTestFinished(() => left.resolve());
  tunnels.want("ses_1");
  const first = await dialled();
  first.send(encodeFrame(1, CHANNEL.control, Buffer.from(JSON.stringify(OPEN))));
  await once(first, "message");
  first.terminate();
  tunnels.want("ses_1");
  await dialled();
});
