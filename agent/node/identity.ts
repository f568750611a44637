/** Which fleet this node joined, and as whom. Its key is in node-keys.ts. */
import { readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";

const Joined = z.object({ fleet: z.string(), node: z.string(), name: z.string() });
/** As `identity.json` has it: the fleet's and the node's ids, the node's name. */
export type Joined = z.infer<typeof Joined>;

/** Which fleet this state directory joined; undefined before. */
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

/** All of it or nothing, whenever the power goes. */
async function writeWhole(path: string, content: string): Promise<void> {
  await writeFile(`${path}.new`, content, { mode: 0o600, flush: true });
  await rename(`${path}.new`, path);
}
