/** Files into and out of containers: `skein cp`. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import {
  chmod,
  link,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readlink,
  rm,
  symlink,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { onTerminal } from "../../cli/testing/terminal.ts";
import type { SessionView } from "../../shared/session/session-schemas.ts";
import { skein } from "./cli.ts";
import { cluster, end, running, sh } from "./skein.ts";

const FILES = 2000;

let session: SessionView;
let scratch: string;
const here = (...parts: string[]) => join(scratch, ...parts);

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "skein-files-"));
  const roles = [{ name: "main", replicas: 2, image: "skein/debian:12", user: "1000:50" }];
  session = await running({ name: "files", clusterMode: "multi-node", roles });
});

afterAll(async () => {
  await rm(scratch, { recursive: true });
  await end(session);
});

async function cp(...args: string[]): Promise<void> {
  const { code, stderr } = await skein(["cp", ...args]);
  expect(code, stderr).toBe(0);
}

async function sumOf(path: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path), hash);
  return hash.digest("hex");
}

/** Each path below a directory, with what it is. */
async function treeOf(root: string): Promise<string[]> {
  const names = await readdir(root, { recursive: true });
  return await Promise.all(
    names.sort().map(async (name) => {
      const path = join(root, name);
      const stat = await lstat(path);
      const what = stat.isSymbolicLink() ? await readlink(path) : stat.isFile() ? await sumOf(path) : "/";
      return `${name} ${(stat.mode & 0o777).toString(8)} ${stat.isFile() ? stat.nlink : ""} ${what}`;
    }),
  );
}

test("a directory of 2,000 files comes out as it went in: content, modes, links", async () => {
  const source = here("source");
  await mkdir(join(source, "sub"), { recursive: true });
  for (let i = 0; i < FILES; i++) await writeFile(join(source, "sub", `f${i}`), `file ${i}\n`.repeat(i % 50));
  await chmod(join(source, "sub", "f3"), 0o751);
  await symlink("sub/f1", join(source, "link"));
  await link(join(source, "sub", "f2"), join(source, "hard"));
  await writeFile(join(source, "@name"), "not an archive");
  await cp(source, "files:/tmp/in");
  expect(await sh(session, "main1", "stat -c %u:%g:%a /tmp/in/sub/f3")).toBe("1000:50:751\n");
  await cp("files:/tmp/in", here("out"));
  expect(await treeOf(here("out"))).toEqual(await treeOf(source));
});

test("a large file goes into all containers, and out of one", async () => {
  const large = here("large");
  const piece = createHash("sha512").update("seed").digest();
  await writeFile(large, Buffer.alloc(200_000_000, piece));
  await cp(large, "files/*:/tmp");
  await cp("files/main2:/tmp/large", here("back"));
  expect(await sumOf(here("back"))).toBe(await sumOf(large));
});

test("the rules are docker cp's, and what is wrong is said", async () => {
  await mkdir(here("d"));
  await writeFile(here("d", "one"), "1");
  await sh(session, "main1", "mkdir /tmp/t");
  await cp(here("d"), "files:/tmp/t");
  await cp(`${here("d")}/.`, "files:/tmp/t");
  await cp(here("d", "one"), "files:/tmp/t/two");
  expect(await sh(session, "main1", "cd /tmp/t && ls -d * d/*")).toBe("d\nd/one\none\ntwo\n");
  for (const [args, said] of [
    [["files:/nowhere", here("x")], "main1 has no /nowhere"],
    [[here("d"), "files:/no/such"], "main1 has no /no"],
    [[here("d"), "files:/tmp/t/one"], "/tmp/t/one in main1 is no directory"],
    [[here("none"), "files:/tmp"], "there is no"],
    [["files/main9:/tmp", here("x")], "has no container main9"],
    [["files/main1:/tmp/t/one", here("no", "where")], "there is no"],
  ] as const) {
    const { code, stderr } = await skein(["cp", ...args]);
    expect([code, stderr.includes(said)], stderr).toEqual([1, true]);
  }
});

test("a directory that one container lacks: none gets anything, and it is named", async () => {
  await sh(session, "main1", "mkdir /tmp/only");
  const { code, stderr } = await skein(["cp", here("d"), "files/*:/tmp/only"]);
  expect(code).toBe(1);
  expect(stderr).toContain("main2");
  expect(await sh(session, "main1", "ls /tmp/only")).toBe("");
});

test("a hostile tree changes nothing outside the target", async () => {
  await sh(
    session,
    "main1",
    "mkdir /tmp/bad && cd /tmp/bad && ln -s /etc abs && ln -s ../../.. up && mkfifo p && echo ok >ok",
  );
  const { code, stderr } = await skein(["cp", "files:/tmp/bad", here("bad")]);
  expect(code).toBe(1);
  for (const name of ["abs", "up", "p"]) expect(stderr).toMatch(new RegExp(`not copied: .*${name}: it is`));
  expect(await readdir(here("bad"))).toEqual(["ok"]);
});

test("on a terminal one sees how far it is; nothing of that stays, and elsewhere nothing is said", async () => {
  const { api } = await cluster();
  const env = { ...process.env, SKEIN_API: api.url, SKEIN_TOKEN: api.token };
  const launcher = join(import.meta.dirname, "../../skein");
  const seen = new Set<string>();
  const copy = onTerminal([launcher, "cp", here("large"), "files:/tmp/shown"], env, {
    columns: 80,
    rows: 24,
  });
  const looking = setInterval(() => void copy.screen.lines.forEach((line) => void seen.add(line.trim())), 20);
  expect(await copy.exit).toBe(0);
  clearInterval(looking);
  expect([...seen].filter((line) => /large: [\d.]+ MiB$/.test(line)).length).toBeGreaterThan(1);
  expect(copy.screen.lines.join("").trim()).toBe("");
});

test("- is a tar archive on stdin, or on stdout", async () => {
  await sh(session, "main1", "mkdir /tmp/piped");
  const { code, stdout, stderr } = await skein(["cp", "files:/tmp/in/sub", "-"]);
  expect([code, stderr]).toEqual([0, ""]);
  expect(await skein(["cp", "-", "files:/tmp/piped"], stdout)).toMatchObject({ code: 0, stderr: "" });
  const sums = "cat $(ls -d sub/* | sort) | sha256sum";
  expect(await sh(session, "main1", `cd /tmp/piped && ${sums}`)).toBe(
    await sh(session, "main1", `cd /tmp/in && ${sums}`),
  );
  const cut = await skein(["cp", "-", "files:/tmp/piped"], stdout.subarray(0, 100_000));
  expect([cut.code, cut.stderr]).toEqual([1, expect.stringContaining("no tar archive that can be unpacked")]);
  const told = await skein(["cp", "--json", "files:/tmp/piped/sub/f1", here("f1")]);
  expect(JSON.parse(told.stdout.toString())).toMatchObject({ bytes: expect.any(Number), leftOut: [] });
});
