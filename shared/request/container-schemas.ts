/** What a request says of one container, as zod schemas: its image, resources, limits, variables, launchers. */
import { z } from "zod";
import { FAMILIES, TABLE } from "../frameworks/frameworks.ts";
import { Text } from "../text/text-schemas.ts";

const MAX_INT = Number.MAX_SAFE_INTEGER;

/** A role's name: starts and ends with a letter, so that role + index is never ambiguous. */
export const RoleName = z
  .string()
  .regex(
    /^[a-z]([a-z0-9-]{0,14}[a-z])?$/,
    "must be at most 16 lower-case letters, digits and hyphens, and start and end with a letter",
  );

const ByteSize = z
  .union([
    z.int().min(1).max(MAX_INT),
    z
      .string()
      .regex(/^\d+(\.\d+)?\s*([KMGTkmgt][Ii]?)?[Bb]?$/, 'must be bytes, or a size like "512MiB" or "2GB"'),
  ])
  .meta({
    description: "Bytes, or a size with a unit (KiB, MiB, GiB, TiB, or KB, MB, GB, TB)",
    example: "512MiB",
  });

export const ResourcesRequest = z
  .strictObject({
    cpu: z
      .number()
      .min(0.01, "must be at least 0.01: Linux limits no finer")
      .max(100_000)
      .meta({ description: "Cores; fractions allowed", example: 0.5 })
      .optional(),
    memory: ByteSize.optional(),
    gpu: z.int().min(0).max(1024).meta({ description: "Number of GPUs", example: 1 }).optional(),
    shm: ByteSize.meta({
      description: "Size of /dev/shm. Unless given, the memory limit, else half of the node's memory",
      example: "1GiB",
    }).optional(),
  })
  .meta({ id: "ResourcesRequest", description: "What is left out is neither reserved nor limited" });

export const Argv = z.array(Text).max(4096);
const Variables = z.record(
  z.string().regex(/^[^=\s\p{Cc}\p{Cs}]+$/u, "must be a variable name: no =, no space, no control character"),
  Text,
);

export const Env = Variables.meta({
  description:
    "Environment variables; BACKENDAI_CLUSTER_* and SKEIN_* are Skein's own. BACKENDAI_CLUSTER_LOCAL_RANK is the rank in the whole session, as Backend.AI documents it, not that of a process on its machine. Variables for launchers (docs/frameworks.md) give way to these",
  example: { NCCL_DEBUG: "INFO" },
});

export const SecretEnv = Variables.meta({
  description:
    "Environment variables like those of env, which no answer, event or log shows. Stored encrypted. A name may not be in env, too",
  example: { HF_TOKEN: "hf_…" },
});

/** It becomes part of a path of Docker's API: no part of it may be empty, `.` or `..`. */
export const ImageName = z
  .string()
  .min(1)
  .max(4096)
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9._:@-]*(\/[A-Za-z0-9][A-Za-z0-9._:@-]*)*$/,
    "must be an image reference like debian:12",
  );

export const UlimitsRequest = z
  .strictObject({
    memlock: z
      .union([ByteSize, z.literal("unlimited")])
      .meta({ description: "Bytes of memory that may be locked, or unlimited", example: "unlimited" })
      .optional(),
    nofile: z
      .union([
        z
          .int()
          .min(64, "must be at least 64")
          .max(2 ** 30),
        z.literal("unlimited"),
      ])
      .meta({
        description: "Files that may be open; unlimited: as many as the kernel allows",
        example: 65536,
      })
      .optional(),
  })
  .meta({
    id: "UlimitsRequest",
    description:
      "Limits of the container's processes, soft and hard. Only nodes whose engine can give them are used. What is left out is as high as the node's engine can give: nofile up to 1048576, since some programs slow down with more",
  });

export const FrameworksRequest = z
  .strictObject(
    Object.fromEntries(
      FAMILIES.map((family) => [
        family,
        z.boolean().meta({ description: TABLE[family].about, example: true }).optional(),
      ]),
    ) as {
      [F in (typeof FAMILIES)[number]]: z.ZodOptional<z.ZodBoolean>;
    },
  )
  .meta({
    id: "Frameworks",
    description:
      "Which launchers are prepared for, by variables and files in every container (docs/frameworks.md). All are on unless given, except torchEnv: RANK and WORLD_SIZE for one process per container. An own value in env wins over each variable",
    example: { torchEnv: true, ansible: false },
  });
