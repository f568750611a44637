/** Writes tar files: root file systems, for images that need no registry. */
import { createWriteStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import { type ExtractEvents, type Header, type Pack, pack } from "tar-stream";

export interface User {
  name: string;
  uid: number;
  home: string;
  shell: string;
}

/** A tar file under construction. Engines refuse duplicate paths, so only the first entry of a directory counts. */
export class Tar {
  readonly #pack: Pack = pack();
  readonly #directories = new Set<string>();

  /** Writes a tar file with what `fill` adds to it. */
  static async write(path: string, fill: (tar: Tar) => Promise<void>): Promise<void> {
    const tar = new Tar();
    const written = pipeline(tar.#pack, createWriteStream(path));
    // An error while filling must end the file's stream too, with that error.
    fill(tar).then(
      () => tar.#pack.finalize(),
      (error) => tar.#pack.destroy(error),
    );
    await written;
  }

  directory(name: string, mode = 0o755, uid = 0): void {
    if (this.#directories.has(name)) return;
    this.#directories.add(name);
    this.#pack.entry({ name, type: "directory", mode, uid, gid: uid });
  }

  link(name: string, target: string): void {
    this.#pack.entry({ name, type: "symlink", linkname: target });
  }

  file(name: string, content: string | Buffer, mode = 0o644): void {
    this.#pack.entry({ name, mode }, content);
  }

  /** Adds an entry of another tar, under the header given. */
  async copy(header: Header, content: ExtractEvents["entry"][1]): Promise<void> {
    if (header.type === "directory") {
      this.directory(header.name, header.mode, header.uid);
      content.resume();
    } else {
      await pipeline(content, this.#pack.entry(header));
    }
  }

  /** Adds users, each with its own group. It does not make their homes. */
  users(users: readonly User[]): void {
    const passwd = users.map(({ name, uid, home, shell }) => `${name}:x:${uid}:${uid}::${home}:${shell}\n`);
    this.file("etc/passwd", passwd.join(""));
    this.file("etc/group", users.map(({ name, uid }) => `${name}:x:${uid}:\n`).join(""));
  }
}
