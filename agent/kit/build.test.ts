import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { buildKit, currentKit, recipe } from "./build.ts";

let root: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "skein-kit-"));
});
afterEach(() => rm(root, { recursive: true }));

/** A kit with the same binaries, and older scripts. */
async function oldKit(): Promise<void> {
  for (const part of ["bin", "lib"]) await mkdir(join(root, "old", part), { recursive: true });
  await writeFile(join(root, "old/bin/program"), "a program");
  await writeFile(join(root, "old/lib/library"), "a library");
  await writeFile(join(root, "current"), JSON.stringify({ hash: "old", scripts: "other", recipe }));
}

it("says what to do when there is no kit", async () => {
  await expect(currentKit(root)).rejects.toThrow(/run \.\/skein setup/);
  await writeFile(join(root, "current"), JSON.stringify({ hash: "gone", scripts: "x", recipe }));
  await expect(currentKit(root)).rejects.toThrow(/run \.\/skein setup/);
});

it("combines new scripts with the binaries that are there, and finds the result again", async () => {
  await oldKit();
  const kit = await buildKit(root);
  expect(kit.path).toBe(join(root, kit.hash));
  expect(await readFile(join(kit.path, "bin/program"), "utf8")).toBe("a program");
  const scripts = ["start", "enter", "prove", "answer", "exec", "keep", "shell", "forward", "dial", "joined"];
  for (const script of [...scripts, "path/ssh", "path/scp", "path/sftp"]) {
    expect(await readFile(join(kit.path, script), "utf8"), script).toMatch(
      /^#!\/\.skein\/kit\/bin\/busybox sh\n/,
    );
    expect((await stat(join(kit.path, script))).mode & 0o777, script).toBe(0o555);
  }
  expect((await stat(kit.path)).mode & 0o777).toBe(0o555);
  expect(await buildKit(root)).toEqual(kit);
  expect(await currentKit(root)).toEqual(kit);
});

it("has the hash of its content as its name, also when two builds run at once", async () => {
  await oldKit();
  const [one, two] = await Promise.all([buildKit(root), buildKit(root)]);
  expect(one).toEqual(two);
  await rm(root, { recursive: true });
  await oldKit();
  await writeFile(join(root, "old/lib/library"), "another library");
  expect((await buildKit(root)).hash).not.toBe(one.hash);
});
