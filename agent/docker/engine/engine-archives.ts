/** Files of containers, as tar archives. */
import type { IncomingMessage } from "node:http";
import type { Readable } from "node:stream";
import type Docker from "dockerode";
import type { DockerPort } from "../port.ts";
import { answer, unless } from "./engine-answer.ts";

type Archives = Pick<DockerPort, "putArchive" | "unpack" | "headArchive" | "getArchive">;

export function archivesOf(docker: Docker): Archives {
  return {
    async putArchive(id, path, tar) {
      await answer(docker.getContainer(id).putArchive(tar, { path }));
    },

    async unpack(id, path, tar, signal) {
      // An engine whose request is only left open would wait for the rest.
      const broken = new AbortController();
      let cause: Error | undefined;
      tar.once("error", (error) => {
        cause = error;
        broken.abort();
      });
      // As `docker cp` does: a file never takes the place of a directory.
      const query = { path, noOverwriteDirNonDir: "true" };
      const abortSignal = AbortSignal.any([signal, broken.signal]);
      try {
        await answer(docker.getContainer(id).putArchive(tar, { ...query, abortSignal } as typeof query));
      } catch (error) {
        throw cause ?? error;
      } finally {
        tar.destroy();
      }
    },

    async headArchive(id, path) {
      const head: IncomingMessage | undefined = await unless(
        [404],
        docker.getContainer(id).infoArchive({ path }),
      );
      // An answer that is not read to its end keeps its connection open, even without a body, and so keeps the process alive.
      head?.resume();
      const stat = head?.headers["x-docker-container-path-stat"];
      return stat === undefined ? undefined : JSON.parse(Buffer.from(String(stat), "base64").toString());
    },

    async getArchive(id, path) {
      return (await unless([404], docker.getContainer(id).getArchive({ path }))) as Readable | undefined;
    },
  };
}
