/** The GPUs of this node, as NVIDIA's own tool lists them. */
import type { EngineInfo } from "../docker/port.ts";
import type { Runner } from "../host/runner.ts";
import type { Log } from "../log.ts";

/** Whether the engine can give GPUs to containers. */
export function hasGpuRuntime({ runtimes }: Pick<EngineInfo, "runtimes">): boolean {
  return runtimes.includes("nvidia");
}

/** The UUIDs of the GPUs, as Docker takes them; none when the engine cannot give them to containers, or, with a warning, when nvidia-smi shows none. */
export async function findGpus(
  runner: Runner,
  engine: Pick<EngineInfo, "runtimes">,
  log: Pick<Log, "warn">,
): Promise<string[]> {
  if (!hasGpuRuntime(engine)) return [];
  try {
    const listed = await runner.run(["nvidia-smi", "--query-gpu=uuid", "--format=csv,noheader"]);
    // Without a GPU it may say so in this place.
    const ids = listed.split("\n").map((line) => line.trim());
    const gpus = ids.filter((id) => id.startsWith("GPU-"));
    if (gpus.length === 0) throw new Error(listed.trim() || "nvidia-smi lists none");
    return gpus;
  } catch (error) {
    const { message } = error as Error;
    log.warn(
      { reason: message },
      "this node offers no GPU, though its engine has NVIDIA's runtime (--gpu N sets a count)",
    );
    return [];
  }
}
