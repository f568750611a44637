/** What containers write. */
import type { Readable } from "node:stream";
import type Docker from "dockerode";
import { Outputs } from "../outputs.ts";
import type { DockerPort } from "../port.ts";
import { payloads, Tail } from "../stream-frames.ts";
import { answer, unless } from "./engine-answer.ts";

type Output = Pick<DockerPort, "output" | "outputTail">;

/** `newcomer` opens a new connection for each request. */
export function outputOf(docker: Docker, newcomer: Docker): Output {
  const outputs = new Outputs({
    root: async () => (await answer(docker.info())).DockerRootDir,
    isRunning: async (id) => (await unless([404], docker.getContainer(id).inspect()))?.State.Running ?? false,
    async follow(id, since, signal) {
      const query = {
        stdout: true,
        stderr: true,
        follow: true,
        timestamps: true,
        abortSignal: signal,
      } as const;
      // As text: a number cannot hold nanoseconds.
      const from = `${since / 1_000_000_000n}.${String(since % 1_000_000_000n).padStart(9, "0")}`;
      const stream = await answer(newcomer.getContainer(id).logs({ ...query, since: from as never }));
      return stream as unknown as Readable;
    },
  });
  return {
    output(id, options) {
      return outputs.read(id, options);
    },

    async outputTail(id, bytes) {
      // Docker counts lines, and each has at least one byte: as many lines as bytes are enough.
      const query = { stdout: true, stderr: true, follow: false, tail: bytes } as const;
      // 409: it is being removed.
      const output = await unless([404, 409], docker.getContainer(id).logs(query));
      const tail = new Tail(bytes);
      for await (const payload of payloads([output ?? Buffer.alloc(0)])) tail.add(payload);
      return tail.text();
    },
  };
}
