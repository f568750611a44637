/** Packs files of this machine for a container. */
import { readdir } from "node:fs/promises";
import { basename, dirname, resolve } from "node:path";
import { Pack } from "tar";

/** A file that cannot be read ends the copy: a part of it would look like all. */
const OPTIONS = { strict: true } as const;

/** The file, link or directory, under the name `as`. Without it: what is in the directory. `follow`: what links lead to, instead of them. */
export async function* pack(
  source: string,
  isDirectory: boolean,
  as: string | undefined,
  follow: boolean,
): AsyncGenerator<Uint8Array> {
  const path = resolve(source);
  let archive: Pack;
  if (isDirectory) {
    archive = new Pack({ ...OPTIONS, follow, cwd: path, ...(as === undefined ? {} : { prefix: as }) });
    // Without the directory itself, whose mode in the container stays.
    const entries = as === undefined ? (await readdir(path)).map((each) => `./${each}`) : ["."];
    for (const each of entries) archive.add(each);
  } else {
    archive = new Pack({
      ...OPTIONS,
      follow,
      cwd: dirname(path),
      onWriteEntry: (entry) => {
        if (as !== undefined) entry.path = as;
      },
    });
    archive.add(`./${basename(path)}`);
  }
  archive.end();
  yield* archive as AsyncIterable<Uint8Array>;
}
