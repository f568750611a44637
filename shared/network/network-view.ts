/** A session's network as the API answers it. */
import { z } from "zod";

export const NetworkView = z
  .object({
    driver: z.enum(["bridge", "overlay"]).meta({ description: "One node or many", example: "overlay" }),
    subnet: z.string().meta({ description: "CIDR", example: "10.64.0.0/24" }),
    mtu: z.int().meta({ description: "Bytes", example: 1450 }),
    vni: z
      .int()
      .optional()
      .meta({ description: "VXLAN network identifier (overlay only)", example: 8388608 }),
    encryption: z
      .enum(["none"])
      .meta({ description: "How traffic between nodes is encrypted", example: "none" }),
  })
  .meta({ id: "Network" });
export type NetworkView = z.infer<typeof NetworkView>;
