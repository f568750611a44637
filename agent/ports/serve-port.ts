/** Connects a client with a port of a container. */
import type { Socket } from "node:net";
import { CHANNEL } from "../../shared/streams/frames.ts";
import type { OpenPort } from "../../shared/streams/stream-messages.ts";
import { type Enterable, enter, type Find, failureOf } from "../streams/enterable.ts";
import { pump } from "../streams/pump.ts";
import { type Serve, type Stream, StreamFailure } from "../streams/stream.ts";
import { type Forwarder, ForwarderEnded } from "./forwarder.ts";
import type { Forwarders } from "./forwarders.ts";

export function servePort(forwarders: Forwarders, find: Find): Serve<OpenPort> {
  return async function serveOnePort(stream, { host, port }) {
    await withPort(forwarders, find, { host, port }, stream.signal, (socket) => relay(stream, socket));
  };
}

/** Calls `use` with a connection to a port of a container. @throws StreamFailure `not_running`, `refused`; the signal's reason */
export async function withPort(
  forwarders: Forwarders,
  find: Find,
  { host, port }: { host: string; port: number },
  signal: AbortSignal,
  use: (socket: Socket) => Promise<void>,
): Promise<void> {
  const container = enter(find, host);
  const attempt = () =>
    forwarders.use(container, async (forwarder) => {
      const socket = await connect(forwarder, addressesOf(container), port, signal);
      if (!socket)
        throw new StreamFailure("refused", `nothing in ${host} accepts connections at port ${port}`);
      await use(socket);
    });
  try {
    await attempt().catch((error) => {
      // It served an earlier start of the container.
      if (error instanceof ForwarderEnded) return attempt();
      throw error;
    });
  } catch (error) {
    signal.throwIfAborted();
    throw failureOf(host, error);
  }
}

/** Where to look for a port, in this order. On the node's own network 127.0.0.1 would be the node's. */
function addressesOf({ address, hostNetwork }: Enterable): string[] {
  return hostNetwork ? [address] : ["127.0.0.1", address];
}

async function connect(
  forwarder: Forwarder,
  addresses: readonly string[],
  port: number,
  signal: AbortSignal,
): Promise<Socket | undefined> {
  for (const address of addresses) {
    const socket = await forwarder.connect(address, port, signal);
    if (socket) return socket;
  }
  return undefined;
}

/** Passes bytes and ends of file on, in both directions. Resolves when both have ended. @throws StreamFailure when it was reset */
async function relay(stream: Stream, socket: Socket): Promise<void> {
  const reset = () =>
    new StreamFailure("failed", "the program in the container has broken off the connection");
  let broken = false;
  socket.on("error", () => {
    broken = true;
  });
  const leave = () => socket.destroy();
  stream.signal.addEventListener("abort", leave);

  async function up(): Promise<void> {
    await pump(stream.input, socket);
    if (broken) throw reset();
    socket.end();
  }

  async function down(): Promise<void> {
    try {
      for await (const bytes of socket.iterator({ destroyOnReturn: false }))
        await stream.write(CHANNEL.output, bytes);
    } catch (error) {
      throw broken ? reset() : error;
    }
    if (!(await isHalfClosed(socket))) throw reset();
    stream.end();
  }

  try {
    stream.signal.throwIfAborted();
    stream.opened();
    await Promise.all([up(), down()]);
  } finally {
    stream.signal.removeEventListener("abort", leave);
    leave();
  }
}

/**
 * At the socket's end of file: whether the process in the container waits for our end, too. After a reset it is gone, and writing fails, also
 * of no bytes at all. Once our own end is sent nobody can know.
 */
function isHalfClosed(socket: Socket): Promise<boolean> {
  if (socket.writableEnded) return Promise.resolve(true);
  return new Promise((resolve) => socket.write("", (error) => resolve(!error)));
}
