/** Listens on this machine, and carries each connection to a port of a container. */
import { createServer, type Server, type Socket } from "node:net";
import type { Container, RemoteStream, Skein } from "../sdk/index.ts";
import { CliError } from "./cli-error.ts";

export interface Forward {
  container: Container;
  port: number;
  /** 0: a free one. */
  local: number;
}

/** Resolves when it listens. `failed` hears why a connection could not be carried. */
export function forward(
  skein: Skein,
  { container, port, local }: Forward,
  failed: (reason: string) => void,
): Promise<Server> {
  // Each direction ends on its own, as TCP has it.
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) => {
    carry(skein, container, port, socket).catch((error: Error) => {
      socket.resetAndDestroy();
      failed(error.message);
    });
  });
  return new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      const taken = error.code === "EADDRINUSE";
      reject(
        taken
          ? new CliError(
              `port ${local} of this machine is in use`,
              "give another as the last argument, or 0 for a free one",
            )
          : new CliError(`cannot listen on 127.0.0.1:${local}: ${error.message}`),
      );
    });
    server.listen(local, "127.0.0.1", () => resolve(server));
  });
}

async function carry(skein: Skein, container: Container, port: number, socket: Socket): Promise<void> {
  socket.on("error", () => {});
  const stream = await skein.connect(container, port);
  socket.once("close", () => stream.close("the local connection is closed"));
  try {
    await stream.opened;
    void up(socket, stream);
    for await (const { bytes } of stream.output()) {
      if (!socket.write(bytes)) await drained(socket);
    }
    socket.end();
    const { code, reason } = await stream.result;
    if (code !== "done" && code !== "client_gone") throw new Error(reason || code);
  } catch (error) {
    const { reason, code } = await stream.result;
    throw new Error(reason || code || (error as Error).message);
  }
}

async function up(socket: Socket, stream: RemoteStream): Promise<void> {
  try {
    for await (const chunk of socket.iterator({ destroyOnReturn: false }))
      await stream.write(chunk as Buffer);
    stream.end();
  } catch {
    // Reset by the local side; `close` ends the stream.
  }
}

async function drained(socket: Socket): Promise<void> {
  await new Promise<void>((resolve) => {
    socket.once("drain", resolve);
    socket.once("close", () => resolve());
  });
}
