/** The body of an error answer, as a zod schema: a source of the OpenAPI document. */
import { z } from "zod";

export const ProblemView = z
  .object({
    type: z.string().meta({ description: "URN of the code", example: "urn:skein:error:not_found" }),
    title: z.string().meta({ description: "What the code means", example: "There is no such thing" }),
    status: z.int().meta({ description: "HTTP status", example: 404 }),
    code: z.string().meta({ description: "Stable; see docs/errors.md", example: "not_found" }),
    detail: z.string().meta({ description: "What happened, where, what to do", example: "no session train" }),
    errors: z
      .array(
        z.object({
          field: z.string().meta({ description: "As in the request", example: "roles[0].replicas" }),
          message: z.string().meta({ description: "What to do", example: "must be at least 1" }),
        }),
      )
      .optional()
      .meta({ description: "Each field at fault" }),
    nodes: z
      .array(
        z.object({
          node: z.string().meta({ description: "The node's name", example: "gpu-a" }),
          reason: z.string().meta({ description: "Why not", example: "cordoned" }),
        }),
      )
      .optional()
      .meta({ description: "unschedulable: why not, node by node" }),
    retryAfter: z
      .int()
      .optional()
      .meta({ description: "rate_limited, unavailable: seconds to wait, as in Retry-After", example: 2 }),
  })
  .meta({ id: "Problem", description: "RFC 9457 problem details" });
