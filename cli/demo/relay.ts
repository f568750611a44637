/** Passes bytes between sockets: the way over a border that only a file system path crosses. */
import { once } from "node:events";
import { connect, createServer, type ListenOptions, type NetConnectOpts, type Server } from "node:net";
import { pipeline } from "node:stream";

/** Listens at `from`; each connection is joined to a new one to `to`, and ends with it. */
export async function relay(from: ListenOptions, to: NetConnectOpts): Promise<Server> {
  const server = createServer({ allowHalfOpen: true }, (near) => {
    const far = connect({ ...to, allowHalfOpen: true });
    // Either side may break off at any time: the other is told by the end of its connection.
    pipeline(near, far, () => {});
    pipeline(far, near, () => {});
  });
  server.listen(from);
  await once(server, "listening");
  return server;
}
