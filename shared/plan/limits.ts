/** The limits of each container beside its resources: /dev/shm and ulimits. Pure. */
import { z } from "zod";
import type { Capacity } from "../node/node-schemas.ts";
import { sayUlimits, type UlimitsView, ulimitsFor } from "../node/ulimits.ts";
import type { RoleSpec } from "../request/spec.ts";
import { formatBytes } from "../text/units.ts";

/** Docker's own default for /dev/shm. */
const LEAST_SHM = 64 * 2 ** 20;

export const Limits = z
  .object({
    shm: z.int().meta({
      description:
        "Bytes of /dev/shm: resources.shm, else the memory limit, else half of the node's memory. Its pages count as the container's memory",
      example: 536870912,
    }),
    memlock: z
      .union([z.int().min(0), z.literal("unlimited")])
      .optional()
      .meta({ description: "Bytes of memory that may be locked", example: "unlimited" }),
    nofile: z.int().optional().meta({ description: "Files that may be open", example: 1048576 }),
  })
  .meta({ id: "Limits", description: "A ulimit that is missing is the engine's own default" });
export type Limits = z.infer<typeof Limits>;

/**
 * The limits of a container of this role on this node. `/dev/shm` is as large as the memory limit unless the request says otherwise: with
 * Docker's 64 MiB common data loaders fail. Without a limit it is half of the node's memory, as tmpfs(5) has it by default.
 */
export function limitsOf(
  { resources: { shm, memory }, ulimits }: Pick<RoleSpec, "resources" | "ulimits">,
  node: { capacity: Pick<Capacity, "memory">; ulimits?: UlimitsView | undefined },
): Limits {
  const half = Math.max(LEAST_SHM, Math.floor(node.capacity.memory / 2));
  return { shm: shm ?? memory ?? half, ...ulimitsFor(ulimits, node.ulimits) };
}

/** `/dev/shm 8GiB, memlock unlimited, nofile 1048576`. */
export function sayLimits({ shm, ...ulimits }: Limits): string {
  return [`/dev/shm ${formatBytes(shm)}`, sayUlimits(ulimits)].filter(Boolean).join(", ");
}
