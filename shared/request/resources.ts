/** What a container may use, as requests and answers say it. */
import { z } from "zod";

export const Resources = z
  .object({
    cpu: z.number().optional().meta({ description: "Cores", example: 2 }),
    memory: z.int().optional().meta({ description: "Bytes", example: 536870912 }),
    gpu: z.int().optional().meta({ description: "GPUs", example: 1 }),
    shm: z.int().optional().meta({ description: "Bytes of /dev/shm", example: 67108864 }),
  })
  .meta({ id: "Resources" });
export type Resources = z.infer<typeof Resources>;
