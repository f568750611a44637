/** Programs in running containers. */
import type { Duplex, Readable } from "node:stream";
import type Docker from "dockerode";
import type { DockerPort } from "../port.ts";
import { payloads, Tail } from "../stream-frames.ts";
import { answer, unless } from "./engine-answer.ts";

/**
 * Engines end the input of a terminal at a sequence of keys, by default Ctrl-P Ctrl-Q, and hold back a first key of it. They cannot do
 * without one. Nobody types this one, and programs show nothing after Ctrl-@ alone.
 */
const DETACH_KEYS = "@^_@__^@^^_@_^".replace(/./g, ",ctrl-$&").slice(1);

type Execs = Pick<DockerPort, "exec" | "attach" | "launch">;

export function execsOf(docker: Docker): Execs {
  return {
    async exec(id, argv, maxBytes, signal) {
      const made = await answer(
        docker.getContainer(id).exec({ Cmd: argv, AttachStdout: true, AttachStderr: true }),
      );
      const stream = (await answer(made.start({}))) as unknown as Readable;
      const abort = () => stream.destroy(signal.reason as Error);
      signal.addEventListener("abort", abort);
      try {
        signal.throwIfAborted();
        const tail = new Tail(maxBytes);
        for await (const payload of payloads(stream)) tail.add(payload);
        const { ExitCode } = await answer(made.inspect());
        return { exitCode: ExitCode ?? -1, output: tail.text() };
      } finally {
        signal.removeEventListener("abort", abort);
      }
    },

    async attach(id, { argv, tty, env, user, workdir }) {
      const made = await answer(
        docker.getContainer(id).exec({
          Cmd: argv,
          Tty: tty,
          DetachKeys: DETACH_KEYS,
          Env: env,
          AttachStdin: true,
          AttachStdout: true,
          AttachStderr: true,
          ...(user === undefined ? {} : { User: user }),
          ...(workdir === undefined ? {} : { WorkingDir: workdir }),
        }),
      );
      const socket: Duplex = await answer(made.start({ hijack: true, stdin: true, Tty: tty }));
      return {
        socket,
        async resize(cols, rows) {
          await answer(made.resize({ w: cols, h: rows }));
        },
        async inspect() {
          const found = await unless([404, 409], made.inspect());
          return found && { started: found.Pid > 0, running: found.Running, exitCode: found.ExitCode ?? 0 };
        },
      };
    },

    async launch(id, argv) {
      const made = await answer(docker.getContainer(id).exec({ Cmd: argv }));
      await answer(made.start({ Detach: true }));
    },
  };
}
