/** Clients that connect and say nothing. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";

/** Opens TCP connections to a URL's host; resolves when each is open, or refused. */
export async function dialSilently(url: string, count: number): Promise<Socket[]> {
  const { hostname, port } = new URL(url);
  const sockets = Array.from({ length: count }, () =>
    // They end with the server that they were to.
    connect(Number(port), hostname).on("error", () => {}),
  );
  await Promise.all(sockets.map((socket) => once(socket, "connect").catch(() => {})));
  return sockets;
}
