import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { expect, onTestFinished, test } from "vitest";
import { connectDocker } from "./dockerode.ts";

type Answer = (method: string, url: string, body: string) => { status: number; body: unknown };

/** An engine at a socket. */
async function engine(answer: Answer, connected = () => {}): Promise<string> {
  const dir = mkdtempSync(join(tmpdir(), "skein-engine-"));
  const server = createServer(async (request, response) => {
    const { method = "", url = "" } = request;
    const body = await text(request);
    const said = url.endsWith("/version")
      ? { status: 200, body: { ApiVersion: "1.41", MinAPIVersion: "1.12" } }
      : answer(method, url, body);
    response.writeHead(said.status, { "content-type": "application/json" });
    response.end(said.status === 204 ? undefined : JSON.stringify(said.body));
  });
  server.on("connection", connected);
  server.listen(join(dir, "docker.sock"));
  await once(server, "listening");
  onTestFinished(() => {
    server.close();
    rmSync(dir, { recursive: true });
  });
  return join(dir, "docker.sock");
}

/** An engine that answers everything with one status and message. */
function engineThatSays(status: number, message: string, connected?: () => void): Promise<string> {
  return engine(() => ({ status, body: { message } }), connected);
}

test("a network is removed even where it still has the endpoint of a dead container", async () => {
  const said: string[] = [];
  let endpoints = { "ep-1f": { Name: "skein-0123456789ab-main1" } };
  const socket = await engine((method, url, body) => {
    const what = `${method} ${url.replace(/^\/v[\d.]+/, "")}`;
    said.push(body === "" ? what : `${what} ${body}`);
    if (method === "GET") return { status: 200, body: { Containers: endpoints } };
    if (method === "POST") endpoints = {} as typeof endpoints;
    else if (Object.keys(endpoints).length > 0)
      return { status: 403, body: { message: "network net has active endpoints" } };
    return { status: method === "POST" ? 200 : 204, body: {} };
  });
  expect(await (await connectDocker(socket)).removeNetwork("net")).toBe(true);
  expect(said).toEqual([
    "DELETE /networks/net",
    "GET /networks/net",
    'POST /networks/net/disconnect {"Container":"skein-0123456789ab-main1","Force":true}',
    "DELETE /networks/net",
  ]);
});

test("a network that the engine keeps though no container is in it is no error", async () => {
  const socket = await engine((method) =>
    method === "GET"
      ? { status: 200, body: { Containers: {} } }
      : { status: 403, body: { message: "network net has active endpoints" } },
  );
  expect(await (await connectDocker(socket)).removeNetwork("net")).toBe(false);
});

test("a container that is being removed has no output, without an error", async () => {
  const socket = await engineThatSays(
    409,
    "can not get logs from container which is dead or marked for removal",
  );
  expect(await (await connectDocker(socket)).outputTail("c0ffee", 4096)).toBe("");
});

test("the engine's reason is in the error when it cannot read a container's output", async () => {
  const socket = await engineThatSays(500, "configured logging driver does not support reading");
  const tail = (await connectDocker(socket)).outputTail("c0ffee", 4096);
  await expect(tail).rejects.toThrow("configured logging driver does not support reading");
});

test("a start uses a new connection, which an engine that is stopping refuses", async () => {
  let connections = 0;
  const docker = await connectDocker(await engineThatSays(304, "already started", () => connections++));
  const added = async (ask: () => Promise<unknown>) => {
    const before = connections;
    await ask();
    return connections - before;
  };
  expect(await added(() => docker.stop("c0ffee", 0))).toBe(0);
  expect(await added(() => docker.start("c0ffee"))).toBe(1);
  expect(await added(() => docker.start("c0ffee"))).toBe(1);
});
