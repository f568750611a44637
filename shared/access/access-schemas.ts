/** Tokens and the audit log, as zod schemas: a source of the OpenAPI document. */
import { z } from "zod";
import { DnsLabel, Time } from "../text/text-schemas.ts";
import { ROLES } from "./access.ts";

const Role = z.enum(ROLES);

export const TokenRequest = z
  .strictObject({
    project: DnsLabel.meta({ description: "Whose sessions its bearer sees and makes", example: "vision" }),
    role: Role.meta({ description: "What its bearer may do", example: "user" }),
    expiresIn: z.int().min(1).optional().meta({
      description: "Seconds; default 30 days, unless the installation sets another",
      example: 86400,
    }),
    note: z
      .string()
      .regex(/^[^\p{Cc}\p{Cs}]*$/u, "must be a line of text")
      .max(256)
      .optional()
      .meta({ description: "What it is for; shown in the list", example: "nightly training" }),
  })
  .meta({ id: "TokenRequest" });

const token = {
  id: z.string().meta({ description: "The token's id: no secret", example: "tok_01jd8x" }),
  project: z.string().meta({ description: "Its project", example: "vision" }),
  role: Role.meta({ description: "Its role", example: "user" }),
};

export const TokenMade = z
  .object({
    ...token,
    token: z.string().meta({ description: "The token itself: shown once, kept nowhere", example: "skt_…" }),
    expiresAt: Time,
  })
  .meta({ id: "TokenMade" });

export const TokenView = z
  .object({
    ...token,
    note: z.string().nullable().meta({ description: "What it is for", example: "nightly training" }),
    createdAt: Time,
    expiresAt: Time,
    revokedAt: Time.nullable(),
  })
  .meta({ id: "Token" });
export type TokenView = z.infer<typeof TokenView>;

export const AuditEntry = z
  .object({
    id: z.int().meta({ description: "Sorts by time, and has no other meaning", example: 3528035249368000 }),
    at: Time,
    actor: z.string().nullable().meta({
      description:
        "Who: a token's id, `admin-token` for the installation's own, `node:NAME` for a node that joined; null if the caller is unknown",
      example: "tok_01jd8x",
    }),
    project: z.string().nullable().meta({ description: "Of the actor's token", example: "vision" }),
    action: z.string().meta({ description: "The operationId, or rotateKey", example: "createSession" }),
    target: z.string().nullable().meta({
      description:
        "Id of the changed object; of a way into a container `SESSION/HOST`, or `SESSION/HOST:PORT`; in a refusal the id or name in the request",
      example: "ses_01jd8x",
    }),
    status: z.int().meta({
      description: "HTTP status of the answer; 101: a way into a container; from 400 on: a refusal",
      example: 202,
    }),
    code: z.string().optional().meta({ description: "A refusal's code", example: "forbidden" }),
  })
  .meta({ id: "AuditEntry" });
export type AuditEntry = z.infer<typeof AuditEntry>;
