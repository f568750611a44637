/** What is stored beside a session's logs: what they are of, and how long they stay. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { Host, Id } from "../../shared/protocol/assignment.ts";

export const META_FILE = "session.json";

export const LogMeta = z.object({
  session: Id,
  hosts: z.array(Host),
  /** Most bytes for each container. */
  bytes: z.int(),
  /** How long they stay after the session's end on this node. */
  seconds: z.number(),
  /** ms since 1970; missing while it lives. */
  endedAt: z.number().optional(),
});
export type LogMeta = z.infer<typeof LogMeta>;

/** Undefined when there is none, or none that can be read. */
export async function readMeta(dir: string): Promise<LogMeta | undefined> {
  try {
    return LogMeta.safeParse(JSON.parse(await readFile(join(dir, META_FILE), "utf8"))).data;
  } catch {
    return undefined;
  }
}
