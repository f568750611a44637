/**
 * How a program of the kit reaches the agent: it calls a socket in the container's own folder, and the first connection counts. The bytes
 * go past the engine. The mount is read-only, which forbids neither connect(2) nor writing to a socket. An agent that dies closes it.
 */
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { chmod, open, readdir, rm } from "node:fs/promises";
import { createServer, type Socket } from "node:net";
import { join } from "node:path";

export interface Call {
  /** The socket's name in the folder. */
  name: string;
  /** The connection. May be half closed in both directions. Rejects when the call is given up. */
  taken: Promise<Socket>;
  /** Takes no connection any longer. Does nothing after the first one. */
  giveUp(reason: Error): void;
}

const PREFIX = "call-";
/** Of this run of the agent: sockets of an earlier one have nobody who listens. */
const RUN = randomBytes(6).toString("hex");

/** Expects one call. The socket is there when this resolves, and gone after the call. */
export async function expectCall(selfDir: string): Promise<Call> {
  await removeStale(selfDir);
  const name = `${PREFIX}${RUN}-${randomBytes(9).toString("hex")}`;
  // By its descriptor, since the path of a socket has at most 107 bytes (unix(7)).
  const folder = await open(selfDir, "r");
  const server = createServer({ allowHalfOpen: true });
  const { promise: taken, resolve, reject } = Promise.withResolvers<Socket>();
  taken.catch(() => {});
  let isOver = false;
  const close = () => {
    isOver = true;
    // Removes the file, too.
    server.close();
    void folder.close();
  };
  server.on("connection", (socket) => {
    if (isOver) return socket.destroy();
    close();
    resolve(socket);
  });
  const path = `/proc/self/fd/${folder.fd}/${name}`;
  try {
    await once(server.listen(path), "listening");
    // For any user of the container. Only they see the folder.
    await chmod(path, 0o666);
  } catch (error) {
    close();
    throw error;
  }
  return {
    name,
    taken,
    giveUp(reason) {
      if (isOver) return;
      close();
      reject(reason);
    },
  };
}

/** An agent that was killed leaves its sockets. */
async function removeStale(selfDir: string): Promise<void> {
  const stale = (await readdir(selfDir)).filter(
    (name) => name.startsWith(PREFIX) && !name.startsWith(PREFIX + RUN),
  );
  await Promise.all(stale.map((name) => rm(join(selfDir, name), { force: true })));
}
