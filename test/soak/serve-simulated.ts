/** What the simulated node does with each stream, as a container would: `cat`, and a port that echoes. */
import type { Serve } from "../../agent/streams/stream.ts";
import { CHANNEL } from "../../shared/streams/frames.ts";
import type { Open } from "../../shared/streams/stream-messages.ts";

/** The exit code of every command. */
export const EXIT_CODE = 7;
/** A command, or a port, that reads nothing; one that writes without end. */
export const STALLED = { reads: "stall-reads", writes: "stall-writes" } as const;

const BLOCK = Buffer.alloc(64 * 1024, "x");

export const serveSimulated: Serve<Open> = async function serveSimulatedStream(stream, open) {
  const [command] = open.kind === "exec" ? open.start.command : [];
  stream.opened();
  if (command === STALLED.reads) await once(stream.signal);
  else if (command === STALLED.writes) {
    while (!stream.signal.aborted) await stream.write(CHANNEL.output, BLOCK);
  } else {
    for await (const piece of stream.input) await stream.write(CHANNEL.output, piece);
    stream.end();
    if (open.kind === "exec") stream.exit(EXIT_CODE);
  }
};

function once(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}
