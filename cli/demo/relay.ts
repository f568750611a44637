/** Passes bytes between sockets, also out of a network namespace: only a file system path crosses that border. */
import { once } from "node:events";
import { connect, createServer, type ListenOptions, type NetConnectOpts, type Server } from "node:net";
import { pipeline } from "node:stream";

/** Listens at `from`. Each connection gets its own connection to `to`, and both end together. */
export async function relay(from: ListenOptions, to: NetConnectOpts): Promise<Server> {
  const server = createServer({ allowHalfOpen: true }, (near) => {
    const far = connect({ ...to, allowHalfOpen: true });
    // Either side may break off at any time: the relay then ends the other connection.
    pipeline(near, far, () => {});
    pipeline(far, near, () => {});
  });
  server.listen(from);
  await once(server, "listening");
  return server;
}
