/** Runs a command in a container to its end, and collects what it prints. */
import type { Command, Container, Streams } from "./dial-stream.ts";

export interface Ran {
  /** 128 + signal if a signal ended it. */
  exitCode: number;
  stdout: string;
  stderr: string;
}

/** A stream broke before the end of its command was known, or before its connection ended. `code` as in StreamResult. */
export class StreamBroken extends Error {
  readonly code: string;

  constructor(code: string, reason: string) {
    super(reason || code);
    this.name = "StreamBroken";
    this.code = code;
  }
}

/** Its stdin is empty. For input, terminals and large output use `exec`. @throws as `exec`; StreamBroken */
export async function run(streams: Streams, container: Container, command: Command): Promise<Ran> {
  const stream = await streams.exec(container, command);
  const decoders = { stdout: new TextDecoder(), stderr: new TextDecoder() };
  const texts = { stdout: "", stderr: "" };
  const opened = stream.opened.then(() => stream.end()).catch(() => {});
  for await (const { from, bytes } of stream.output())
    texts[from] += decoders[from].decode(bytes, { stream: true });
  await opened;
  const { exitCode, code, reason } = await stream.result;
  if (exitCode === undefined) throw new StreamBroken(code, reason);
  return {
    exitCode,
    stdout: texts.stdout + decoders.stdout.decode(),
    stderr: texts.stderr + decoders.stderr.decode(),
  };
}
