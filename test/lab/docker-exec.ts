/** `docker exec`, as a function. */
import { PassThrough } from "node:stream";
import { text } from "node:stream/consumers";
import type Docker from "dockerode";
import type { Result } from "./command.ts";

/** Runs a program in a container to its end, by default as the container's own user. */
export async function dockerExec(
  docker: Docker,
  container: string,
  argv: string[],
  options: { user?: string } = {},
): Promise<Result> {
  const run = await docker.getContainer(container).exec({
    Cmd: argv,
    AttachStdout: true,
    AttachStderr: true,
    ...(options.user === undefined ? {} : { User: options.user }),
  });
  const stream = await run.start({});
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  docker.modem.demuxStream(stream, stdout, stderr);
  stream.on("end", () => {
    stdout.end();
    stderr.end();
  });
  const said = await Promise.all([text(stdout), text(stderr)]);
  const { ExitCode } = await run.inspect();
  return { code: ExitCode ?? -1, stdout: said[0], stderr: said[1] };
}
