/** Writes the agent's own files of a session. */
import { mkdir, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** Writes a value as JSON, readable for the agent only (0600), as a whole or not at all. Makes the directory if needed. */
export async function saveFile(dir: string, name: string, value: unknown): Promise<void> {
  await mkdir(dir, { recursive: true });
  const path = join(dir, name);
  await writeFile(`${path}.new`, JSON.stringify(value), { mode: 0o600 });
  await rename(`${path}.new`, path);
}
