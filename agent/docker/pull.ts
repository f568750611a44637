/** Follows an image pull. The engine answers 200 at once; progress and errors come afterwards, as a stream of JSON lines. */
import type { Readable } from "node:stream";
import { DockerError } from "./port.ts";

interface PullLine {
  id?: string;
  status?: string;
  progressDetail?: { current?: number; total?: number };
  error?: string;
}

/** Resolves when the image is there. @throws DockerError with the engine's message, or the signal's reason. */
export async function followPull(
  stream: Readable,
  progress: (text: string) => void,
  signal: AbortSignal,
): Promise<void> {
  // The engine stops the pull when the connection closes.
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

/** The share of all known layers that was downloaded. Extraction is left out, since its counts start from zero again. */
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
