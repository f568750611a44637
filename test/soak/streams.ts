/** The streams of a soak run: each checks every byte that comes back. */
import { randomBytes } from "node:crypto";
import type { RemoteStream } from "../../sdk/index.ts";
import { ClientSocket } from "../support/client-socket.ts";
import type { Field } from "./field.ts";

/** Sends so many random bytes and reads them back. Resolves with the problem; undefined: there was none. */
export async function roundTrip(
  field: Field,
  kind: "exec" | "port",
  bytes: number,
): Promise<string | undefined> {
  const { skein, session, commands } = field;
  try {
    const stream =
      kind === "exec"
        ? await skein.exec({ session }, { command: commands.cat })
        : await skein.connect({ session }, field.port);
    const sent = randomBytes(bytes);
    await stream.opened;
    const [got] = await Promise.all([read(stream), stream.write(sent).then(() => stream.end())]);
    const { code, reason, exitCode } = await stream.result;
    if (!got.equals(sent))
      return `${kind}: ${got.length} bytes of ${bytes} came back, or others (${code} ${reason})`;
    if (code !== "done") return `${kind}: ended with ${code} ${reason}`;
    return kind === "exec" && exitCode !== commands.exitCode ? `exec: exit code ${exitCode}` : undefined;
  } catch (error) {
    return `${kind}: ${(error as Error).message}`;
  }
}

async function read(stream: RemoteStream): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const { bytes } of stream.output()) pieces.push(bytes);
  return Buffer.concat(pieces);
}

/** Who has stopped: the program that uses the SDK; its whole process, so that not even its connection is read; or the container. */
export const READERS = ["program", "connection", "container"] as const;
export type Reader = (typeof READERS)[number];

/** More than any window. */
const INPUT = Buffer.alloc(4 * 1024 * 1024, "x");

/** A stream whose reader has stopped, and whose other side sends without end. Returns how to leave it. */
export async function stalled(field: Field, who: Reader): Promise<() => void> {
  const { skein, session, commands, api } = field;
  if (who === "connection") {
    const socket = await ClientSocket.dial(api, `/v1/sessions/${session}/containers/main1/exec`);
    const opened = new Promise<void>((resolve) => {
      socket.onHeard = () => resolve();
    });
    socket.say({ type: "start", command: commands.writes });
    await opened;
    socket.pause();
    const stay = setInterval(() => socket.raw("ping"), 10_000);
    return () => {
      clearInterval(stay);
      socket.cut();
    };
  }
  const command = who === "program" ? commands.writes : commands.readsNothing;
  const stream = await skein.exec({ session }, { command });
  await stream.opened;
  if (who === "container") void stream.write(INPUT);
  return () => stream.close();
}
