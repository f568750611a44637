import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, expect, test } from "vitest";
import { relay } from "./relay.ts";

const directory = mkdtempSync(join(tmpdir(), "skein-relay-"));
let shouter: Server;
let way: Server;

beforeAll(async () => {
  // Answers only after the client has ended its side: so the relay must pass on that end without closing the way back.
  shouter = createServer({ allowHalfOpen: true }, async (socket) =>
    socket.end((await text(socket)).toUpperCase()),
  );
  shouter.listen(join(directory, "far.sock"));
  await once(shouter, "listening");
  way = await relay({ host: "127.0.0.1", port: 0 }, { path: join(directory, "far.sock") });
});

afterAll(() => {
  way.close();
  shouter.close();
  rmSync(directory, { recursive: true });
});

function dial() {
  return connect({ port: (way.address() as { port: number }).port, allowHalfOpen: true });
}

test("the relay passes both directions, and the end of one before the other's", async () => {
  const socket = dial();
  socket.end("geese");
  expect(await text(socket)).toBe("GEESE");
});

test("many connections at once do not mix", async () => {
  const answers = Array.from({ length: 20 }, async (_, i) => {
    const socket = dial();
    socket.end(`goose ${i}`);
    return text(socket);
  });
  expect(await Promise.all(answers)).toEqual(Array.from({ length: 20 }, (_, i) => `GOOSE ${i}`));
});

test("an unreachable target ends the connection, and the relay goes on", async () => {
  shouter.close();
  await once(shouter, "close");
  const socket = dial();
  expect(await text(socket).catch(() => "")).toBe("");
});
