/** Follows an image pull: the engine answers 200 at once, and says how it goes, and whether it failed, in a stream of JSON lines. */
import type { Readable } from "node:stream";
import { DockerError } from "./port.ts";

interface PullLine {
  id?: string;
  status?: string;
  progressDetail?: { current?: number; total?: number };
  error?: string;
}

/** Resolves when the image is there; throws a DockerError with the engine's words, or the signal's reason. */
export async function followPull(
  stream: Readable,
  progress: (text: string) => void,
  signal: AbortSignal,
): Promise<void> {
  // Closing the connection is what makes the engine give up.
  const abort = () => stream.destroy(signal.reason as Error);
  signal.addEventListener("abort", abort);
  const layers = new Map<string, { current: number; total: number }>();
  let rest = "";
  try {
    signal.throwIfAborted();
    for await (const chunk of stream.setEncoding("utf8")) {
      const lines = (rest + chunk).split("\n");
      rest = lines.pop()!;
      for (const line of lines.filter((each) => each.trim() !== "")) {
        const said = JSON.parse(line) as PullLine;
        if (said.error !== undefined) throw new DockerError(said.error);
        progress(describe(said, layers));
      }
    }
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

/** What of all layers known so far has come; extraction counts from zero again, so only downloads are summed. */
function describe(said: PullLine, layers: Map<string, { current: number; total: number }>): string {
  const { current, total } = said.progressDetail ?? {};
  if (said.id && said.status === "Downloading" && total)
    layers.set(said.id, { current: current ?? 0, total });
  const layer = said.id ? layers.get(said.id) : undefined;
  if (layer && said.status === "Download complete") layer.current = layer.total;
  const sum = { current: 0, total: 0 };
  for (const each of layers.values()) {
    sum.current += each.current;
    sum.total += each.total;
  }
  return sum.total > 0 ? `pulling: ${Math.floor((100 * sum.current) / sum.total)}%` : "pulling";
}
