/** `skein exec`, with an API that is a test. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { expect, test } from "vitest";
import { WebSocketServer } from "ws";

const MAIN = join(import.meta.dirname, "main.ts");

test("ends with the command, though the API says no goodbye", async () => {
  const sockets = new WebSocketServer({ noServer: true, handleProtocols: () => "skein.v1" });
  const http = createServer().on("upgrade", (request, socket, head) => {
    sockets.handleUpgrade(request, socket, head, (client) => {
      client.once("message", () => {
        client.send(JSON.stringify({ type: "opened", window: 1_000_000 }));
        client.send(Buffer.from("\x01said"), { binary: true });
        client.send(JSON.stringify({ type: "end" }));
        client.send(JSON.stringify({ type: "exit", code: 7 }));
        client.send(JSON.stringify({ type: "close", code: "done", reason: "" }));
        // The client's close frame is never read.
        socket.pause();
      });
    });
  });
  await once(http.listen(0, "127.0.0.1"), "listening");
  try {
    const env = {
      ...process.env,
      SKEIN_API: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
      SKEIN_TOKEN: "t",
    };
    const child = spawn(process.execPath, [MAIN, "exec", "s", "--", "true"], {
      env,
      stdio: ["ignore", "pipe", "inherit"],
    });
    const [printed, [code]] = await Promise.all([text(child.stdout), once(child, "exit")]);
    expect([printed, code]).toEqual(["said", 7]);
  } finally {
    http.close();
    http.closeAllConnections();
    for (const client of sockets.clients) client.terminate();
  }
});
