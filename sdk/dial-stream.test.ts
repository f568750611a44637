import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import LibrarySocket from "ws";
import { streamsOf } from "./dial-stream.ts";

/** RFC 6455, section 5.2: an unmasked frame of less than 126 bytes. */
function frame(opcode: number, data: Buffer): Buffer {
  return Buffer.concat([Buffer.from([0x80 | opcode, data.length]), data]);
}

const SOCKETS = {
  "the platform's": (url: URL, protocols: string[]) => new WebSocket(url, protocols),
  "a library's": (url: URL, protocols: string[]) => new LibrarySocket(url, protocols) as unknown as WebSocket,
};

test.each(Object.entries(SOCKETS))(
  "frames that come in one packet with the handshake are not lost: %s WebSocket",
  async (_, webSocket) => {
    const server = createServer().on("upgrade", (request, socket) => {
      const key = `${request.headers["sec-websocket-key"]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
      const handshake = [
        "HTTP/1.1 101 Switching Protocols",
        "upgrade: websocket",
        "connection: upgrade",
        "sec-websocket-protocol: skein.v1",
        `sec-websocket-accept: ${createHash("sha1").update(key).digest("base64")}`,
      ];
      const opened = JSON.stringify({ type: "opened", window: 65_536 });
      const frames = [frame(1, Buffer.from(opened)), frame(2, Buffer.from("\x01SSH-2.0\r\n"))];
      socket.write(Buffer.concat([Buffer.from(`${handshake.join("\r\n")}\r\n\r\n`), ...frames]));
    });
    await once(server.listen(0, "127.0.0.1"), "listening");
    onTestFinished(() => void server.close());
    const api = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const problem = async () => new Error("refused");
    const streams = streamsOf({ api, token: undefined, headers: {}, webSocket, problem });
    const stream = await streams.connect({ session: "train" }, 22);
    onTestFinished(() => stream.close());
    await stream.opened;
    const { value } = await stream.output().next();
    expect(Buffer.from(value!.bytes).toString()).toBe("SSH-2.0\r\n");
  },
);
