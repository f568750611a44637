/** Archives that a hostile container could send. */
import { lstat, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Header, pack } from "tar-stream";
import { afterEach, beforeEach, expect, test } from "vitest";
import { unpack } from "./unpack.ts";

let scratch: string;
let target: string;

beforeEach(async () => {
  scratch = await mkdtemp(join(tmpdir(), "skein-unpack-"));
  target = join(scratch, "target");
  await writeFile(join(scratch, "victim"), "untouched");
});

afterEach(() => rm(scratch, { recursive: true }));

type Part = Partial<Header> & { name: string; content?: string };

function archiveOf(parts: Part[]): AsyncIterable<Uint8Array> {
  const tar = pack();
  for (const { content = "", ...header } of parts) tar.entry(header, content);
  tar.finalize();
  return tar as unknown as AsyncIterable<Uint8Array>;
}

const root: Part = { name: "dir/", type: "directory", mode: 0o755 };

test.each<[string, Part[]]>([
  ["an absolute path", [{ name: "/etc/../VICTIM", content: "bad" }]],
  ["a path with ..", [{ name: "dir/../../victim", content: "bad" }]],
  ["a link to a file outside", [{ name: "dir/l", type: "symlink", linkname: "../victim" }]],
  ["an absolute link", [{ name: "dir/l", type: "symlink", linkname: "VICTIM" }]],
  ["a hard link to a file outside", [{ name: "dir/l", type: "link", linkname: "../victim" }]],
  ["an absolute hard link", [{ name: "dir/l", type: "link", linkname: "VICTIM" }]],
  ["a hard link over its own directory", [{ name: "dir/l", type: "link", linkname: "dir/../victim" }]],
  ["a device", [{ name: "dir/d", type: "character-device", devmajor: 1, devminor: 3 }]],
  ["a block device", [{ name: "dir/d", type: "block-device", devmajor: 8, devminor: 0 }]],
  ["another root", [{ name: "other/file", content: "bad" }]],
  [
    "a file through a link",
    [
      { name: "dir/l", type: "symlink", linkname: ".." },
      { name: "dir/l/victim", content: "bad" },
    ],
  ],
  [
    "a file over links that only together lead out",
    [
      { name: "dir/a/b/", type: "directory" },
      { name: "dir/l", type: "symlink", linkname: "a/b" },
      { name: "dir/m", type: "symlink", linkname: "l/../../.." },
      { name: "dir/m/victim", content: "bad" },
    ],
  ],
])("%s changes nothing outside, and is named", async (_, parts) => {
  const victim = join(scratch, "victim");
  const hostile = parts.map((part) => ({
    ...part,
    name: part.name.replace("/etc/../VICTIM", victim),
    ...(part.linkname === undefined ? {} : { linkname: part.linkname.replace("VICTIM", victim) }),
  }));
  const { leftOut } = await unpack(
    archiveOf([root, ...hostile, { name: "dir/good", content: "good" }]),
    target,
    { mode: 0o755 },
  );
  expect(await readFile(victim, "utf8")).toBe("untouched");
  expect((await lstat(victim)).nlink).toBe(1);
  expect((await readdir(scratch)).sort()).toEqual(["target", "victim"]);
  expect(leftOut.length).toBeGreaterThan(0);
  expect(await readFile(join(target, "good"), "utf8")).toBe("good");
});

test("a link that is there already is not written through", async () => {
  await mkdir(target);
  await symlink("..", join(target, "out"));
  await symlink("../victim", join(target, "file"));
  const parts = [root, { name: "dir/out/victim", content: "bad" }, { name: "dir/file", content: "own" }];
  await unpack(archiveOf(parts), target, { mode: 0o755 });
  expect(await readFile(join(scratch, "victim"), "utf8")).toBe("untouched");
  expect(await readFile(join(target, "file"), "utf8")).toBe("own");
});

test("modes are kept, but for set-user-ID; links inside stay links", async () => {
  const parts: Part[] = [
    root,
    { name: "dir/run", mode: 0o4751, content: "x" },
    { name: "dir/also", type: "link", linkname: "dir/run" },
    { name: "dir/l", type: "symlink", linkname: "run" },
  ];
  expect((await unpack(archiveOf(parts), target, { mode: 0o750 })).leftOut).toEqual([]);
  const { mode, nlink } = await lstat(join(target, "run"));
  expect([mode & 0o7777, nlink]).toEqual([0o751, 2]);
  expect((await lstat(join(target, "l"))).isSymbolicLink()).toBe(true);
  expect((await lstat(target)).mode & 0o777).toBe(0o750);
});

test("a file gets the name that was asked for, and nothing else comes with it", async () => {
  const parts = [
    { name: "f", content: "data" },
    { name: "victim", content: "bad" },
  ];
  const { leftOut } = await unpack(archiveOf(parts), target, undefined);
  expect(await readFile(target, "utf8")).toBe("data");
  expect(await readFile(join(scratch, "victim"), "utf8")).toBe("untouched");
  expect(leftOut.map(({ path }) => path)).toEqual(["victim"]);
});

test("an archive that ends early is an error", async () => {
  async function* cut() {
    for await (const piece of archiveOf([root, { name: "dir/f", content: "x".repeat(100_000) }]))
      if (piece.length > 1024) {
        yield piece.subarray(0, 600);
        return;
      } else yield piece;
  }
  await expect(unpack(cut(), target, { mode: 0o755 })).rejects.toThrow();
});
