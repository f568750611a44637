/** The fleet that this node joined, and its id there. Its key is in node-keys.ts. */
import { readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";

const Joined = z.object({ fleet: z.string(), node: z.string(), name: z.string() });
/** The content of `identity.json`: the ids of fleet and node, and the node's name. */
export type Joined = z.infer<typeof Joined>;

/** The fleet that this state directory joined; undefined before the join. @throws Error when the file is damaged. */
export async function loadJoined(stateDir: string): Promise<Joined | undefined> {
  const path = join(stateDir, "identity.json");
  const stored = await readIfThere(path);
  if (stored === undefined) return undefined;
  try {
    return Joined.parse(JSON.parse(stored));
  } catch {
    throw new Error(`${path} is damaged: restore it, or join again with another --state`);
  }
}

export async function saveJoined(stateDir: string, joined: Joined): Promise<void> {
  await writeWhole(join(stateDir, "identity.json"), `${JSON.stringify(joined, null, 2)}\n`);
}

async function readIfThere(path: string): Promise<string | undefined> {
  return await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
}

/** Writes the whole file or nothing, also when the power fails. */
async function writeWhole(path: string, content: string): Promise<void> {
  await writeFile(`${path}.new`, content, { mode: 0o600, flush: true });
  await rename(`${path}.new`, path);
}
