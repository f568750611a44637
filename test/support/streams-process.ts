/**
 * An agent's streams in a process of its own, for tests that kill it. Run as a program: the argument is JSON, `Given` below. It opens a
 * stream for each of `opens`, prints a line for each that is open, and goes on until it is killed.
 */

import { serveHttp } from "../../agent/apps/serve-http.ts";
import { connectDocker } from "../../agent/docker/engine/dockerode.ts";
import { serveExec } from "../../agent/exec/serve-exec.ts";
import { serveFiles } from "../../agent/files/serve-files.ts";
import { Forwarders } from "../../agent/ports/forwarders.ts";
import { servePort } from "../../agent/ports/serve-port.ts";
import type { Enterable } from "../../agent/streams/enterable.ts";
import { serveBy } from "../../agent/streams/serve-streams.ts";
import { MemoryStream } from "../../agent/testing/memory-stream.ts";
import type { Open } from "../../shared/streams/stream-messages.ts";

export interface Given {
  dockerSocket: string;
  container: Enterable;
  opens: Open[];
}

/** A program's path and argument. */
export const streamsProcess = (given: Given): string[] => [import.meta.filename, JSON.stringify(given)];

if (import.meta.main) {
  const { dockerSocket, container, opens } = JSON.parse(process.argv[2]!) as Given;
  const docker = await connectDocker(dockerSocket);
  const forwarders = new Forwarders(docker);
  const serve = serveBy({
    exec: serveExec(docker, () => container),
    port: servePort(forwarders, () => container),
    files: serveFiles(docker, () => container),
    logs: async () => {},
    http: serveHttp(forwarders, () => container),
  });
  for (const open of opens) {
    const stream = MemoryStream.open(serve, open);
    await stream.until(({ said }) => said.includes("opened"));
    console.log("open");
  }
}
