import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { connectDocker } from "./dockerode.ts";

/** A socket that answers as an engine does: `/version`, and everything else with one status and message. */
async function engineThatSays(status: number, message: string, connected = () => {}): Promise<string> {
  const dir = mkdtempSync(join(tmpdir(), "skein-engine-"));
  const server = createServer(({ url }, response) => {
    const isVersion = url?.endsWith("/version");
    response.writeHead(isVersion ? 200 : status, { "content-type": "application/json" });
    response.end(JSON.stringify(isVersion ? { ApiVersion: "1.41", MinAPIVersion: "1.12" } : { message }));
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

test("a container that somebody is removing has no output, which is no error", async () => {
  const socket = await engineThatSays(
    409,
    "can not get logs from container which is dead or marked for removal",
  );
  expect(await (await connectDocker(socket)).outputTail("c0ffee", 4096)).toBe("");
});

test("an engine that cannot read a container's output says why", async () => {
  const socket = await engineThatSays(500, "configured logging driver does not support reading");
  const tail = (await connectDocker(socket)).outputTail("c0ffee", 4096);
  await expect(tail).rejects.toThrow("configured logging driver does not support reading");
});

test("a start is asked for on a connection of its own, which an engine that is being stopped refuses", async () => {
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
