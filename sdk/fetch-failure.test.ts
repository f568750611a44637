import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { expect, test } from "vitest";
import { fetchFailure } from "./fetch-failure.ts";

/** Why a request to that server fails; `answer` is false: the server is gone by then. */
async function failure(answer: boolean): Promise<string> {
  const server = createServer((socket) => socket.once("data", () => socket.end()));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  if (!answer) await once(server.close(), "close");
  try {
    await fetch(`http://127.0.0.1:${port}`);
    return "none";
  } catch (error) {
    return fetchFailure(error);
  } finally {
    server.close();
  }
}

test("a server that is not there has the system's code", async () => {
  expect(await failure(false)).toBe("ECONNREFUSED");
});

test("one that closes the connection is told in words, not with Node's own code", async () => {
  expect(await failure(true)).toBe("other side closed");
});

test("a request that is wrong in itself has a reason, too", async () => {
  const refused = await fetch("http://127.0.0.1:1").catch(fetchFailure);
  expect(refused).toBe("bad port");
});
