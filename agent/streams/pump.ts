/** The client's bytes on their way into a socket. */
import type { Writable } from "node:stream";
import type { Stream } from "./stream.ts";

/** Writes all input, as fast as the socket takes it. Resolves at the input's end, or when the socket closes. */
export async function pump(input: Stream["input"], socket: Writable): Promise<void> {
  for await (const piece of input) {
    if (socket.destroyed) return;
    if (!socket.write(piece)) await drained(socket);
  }
}

function drained(socket: Writable): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      socket.off("drain", done).off("close", done);
      resolve();
    };
    socket.on("drain", done).on("close", done);
    if (socket.destroyed) done();
  });
}
