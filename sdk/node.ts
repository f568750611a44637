/** For Node only: listens on this machine, and carries each connection to a port of a container. */
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { ApiProblem } from "./api-problem.ts";
import type { Container, Streams } from "./dial-stream.ts";
import type { RemoteStream } from "./remote-stream.ts";
import { StreamBroken } from "./run.ts";

export interface ForwardOptions {
  /** The port on this machine, at 127.0.0.1; 0 or missing: a free one. */
  local?: number;
  /** Hears why a connection could not be carried, when others may be. */
  onFailure?(reason: string): void;
}

export interface Forwarding {
  /** The port on this machine. */
  local: number;
  /** Rejects when the way to the container is lost: ApiProblem, StreamBroken, TypeError. */
  lost: Promise<never>;
  /** Ends it with all its connections. */
  close(): void;
}

/** Of these only the one connection ends. After any other end, new connections would hardly fare better. */
const OF_ITS_OWN: ReadonlySet<string> = new Set(["refused", "failed", "too_many_streams"]);

/** Resolves when it listens. @throws what Node's `listen` throws, like EADDRINUSE */
export async function forward(
  skein: Pick<Streams, "connect">,
  container: Container,
  port: number,
  { local = 0, onFailure }: ForwardOptions = {},
): Promise<Forwarding> {
  const sockets = new Set<Socket>();
  const lost = Promise.withResolvers<never>();
  lost.promise.catch(() => {});
  // Each direction ends on its own, as TCP has it.
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) => {
    sockets.add(socket);
    socket.on("error", () => {}).once("close", () => sockets.delete(socket));
    carry(skein, container, port, socket).catch((error: Error) => {
      socket.resetAndDestroy();
      if (endsAll(error)) lost.reject(error);
      else onFailure?.(error.message);
    });
  });
  await listen(server, local);
  return {
    local: (server.address() as AddressInfo).port,
    lost: lost.promise,
    close() {
      server.close();
      for (const socket of sockets) socket.resetAndDestroy();
    },
  };
}

function listen(server: Server, local: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(local, "127.0.0.1", resolve);
  });
}

/** Whether what broke one connection breaks new ones, too: the way to the container is lost. */
export function endsAll(error: Error): boolean {
  return !OF_ITS_OWN.has(codeOf(error));
}

function codeOf(error: Error): string {
  if (error instanceof ApiProblem) return error.problem.code;
  return error instanceof StreamBroken ? error.code : "";
}

/** @throws StreamBroken; ApiProblem, TypeError where it does not begin */
async function carry(
  skein: Pick<Streams, "connect">,
  container: Container,
  port: number,
  socket: Socket,
): Promise<void> {
  const stream = await skein.connect(container, port);
  socket.once("close", () => stream.close("the local connection is closed"));
  if (socket.destroyed) stream.close("the local connection is closed");
  if (await stands(stream)) {
    void up(socket, stream);
    for await (const { bytes } of stream.output()) {
      if (!socket.write(bytes)) await drained(socket);
    }
    // The container's side has ended. Ours may go on, unless all of it is over.
    const over = await Promise.race([stream.result, undefined]);
    if (over === undefined || isProper(over)) socket.end();
  }
  const result = await stream.result;
  if (!isProper(result)) throw new StreamBroken(result.code, result.reason);
}

function isProper({ code }: { code: string }): boolean {
  return code === "done" || code === "client_gone";
}

function stands(stream: RemoteStream): Promise<boolean> {
  return stream.opened.then(
    () => true,
    () => false,
  );
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
