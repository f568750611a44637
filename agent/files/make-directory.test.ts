import { extract } from "tar-stream";
import { expect, test } from "vitest";
import { makeDirectory } from "./make-directory.ts";

const DIRECTORY = 2 ** 31;

/** A container with these directories and files. Tells what was unpacked, and where. */
function containerWith(directories: string[], files: string[] = []) {
  const unpacked: { at: string; names: string[]; owners: number[] }[] = [];
  const docker = {
    async headArchive(_: string, path: string) {
      const mode = directories.includes(path) ? DIRECTORY + 0o700 : files.includes(path) ? 0o644 : undefined;
      return mode === undefined ? undefined : { name: path, size: 0, mode, linkTarget: "" };
    },
    async putArchive(_: string, at: string, bytes: Buffer) {
      const tar = extract();
      tar.end(bytes);
      const found = { at, names: [] as string[], owners: [] as number[] };
      for await (const { header } of tar) {
        found.names.push(header.name);
        found.owners.push(header.uid ?? 0);
      }
      unpacked.push(found);
    },
  };
  return { unpacked, make: (path: string) => makeDirectory(docker, "id", path, { uid: 7, gid: 7 }) };
}

test("only what is missing is made, below what is there, and belongs to the container's user", async () => {
  const { unpacked, make } = containerWith(["/a", "/a/b"]);
  await make("/a/b/c/../c/d/");
  expect(unpacked).toEqual([{ at: "/a/b", names: ["c", "c/d"], owners: [7, 7] }]);
});

test("a directory below the root", async () => {
  const { unpacked, make } = containerWith([]);
  await make("/data");
  expect(unpacked).toEqual([{ at: "/", names: ["data"], owners: [7] }]);
});

test("a file in the way is named", async () => {
  const { unpacked, make } = containerWith(["/a"], ["/a/f"]);
  await expect(make("/a/f/g")).rejects.toThrow("/a/f is no directory");
  expect(unpacked).toEqual([]);
});
