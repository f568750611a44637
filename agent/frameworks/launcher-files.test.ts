import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { Assignment, ContainerSpec } from "../../shared/protocol/assignment.ts";
import type { PathStat } from "../ssh/account.ts";
import type { ContainerFiles } from "../ssh/survey.ts";
import { outsideFiles, placeLauncherFiles, vacancyOf, writeLauncherFiles } from "./launcher-files.ts";

const listed = [
  { host: "main1", role: "main", slots: 1 },
  { host: "sub1", role: "sub", slots: 2 },
];
const assignment = { listed } as Assignment;
const specOf = (files: string[], mounts?: string[]) =>
  ({
    files,
    ...(mounts && { mounts: mounts.map((target) => ({ source: "/x", target, readOnly: false })) }),
  }) as ContainerSpec;

test("files of the container's own folder are written there, for every user, and others are left", async () => {
  const dir = mkdtempSync(join(tmpdir(), "skein-launchers-"));
  const before = process.umask(0o077);
  try {
    const spec = specOf([
      "/.skein/self/hosts",
      "/.skein/self/machinefile",
      "/job/hostfile",
      "/of/a/newer/api",
    ]);
    await writeLauncherFiles(dir, assignment, spec);
    await writeLauncherFiles(dir, assignment, spec);
  } finally {
    process.umask(before);
  }
  expect(readdirSync(dir).sort()).toEqual(["hosts", "machinefile"]);
  expect(readFileSync(join(dir, "hosts"), "utf8")).toBe("main1\nsub1\n");
  expect(statSync(join(dir, "machinefile")).mode & 0o777).toBe(0o644);
  rmSync(dir, { recursive: true });
});

test("nothing is written where something is mounted", () => {
  const files = ["/.skein/self/hosts", "/job/hostfile"];
  expect(outsideFiles(specOf(files))).toEqual(["/job/hostfile"]);
  expect(outsideFiles(specOf(files, ["/jobs", "/job/other"]))).toEqual(["/job/hostfile"]);
  expect(outsideFiles(specOf(files, ["/job"]))).toEqual([]);
  expect(outsideFiles(specOf(files, ["/job/hostfile"]))).toEqual([]);
});

/** What is at each path. A symlink leads to a directory. */
function image(paths: Record<string, PathStat["type"]>) {
  const files: ContainerFiles = {
    exists: async (path) => path in paths,
    stat: async (path) => {
      const type = paths[path] === "symlink" ? "directory" : paths[path];
      return type && { type, mode: 0o755, uid: 0, gid: 0 };
    },
    read: async () => undefined,
  };
  const head = async (path: string) =>
    path in paths ? { linkTarget: paths[path] === "symlink" ? "/x" : "" } : undefined;
  return { files, head };
}

test.each<[string, Record<string, PathStat["type"]>, object[]]>([
  ["without the folder gets both", {}, ["/job", "/job/hostfile"].map((path) => ({ path }))],
  ["with the folder gets the file", { "/job": "directory" }, [{ path: "/job/hostfile" }]],
  ["with such a file keeps it", { "/job": "directory", "/job/hostfile": "file" }, []],
  ["with a file in place of the folder keeps it", { "/job": "file" }, []],
  ["with a link in place of the folder keeps it", { "/job": "symlink" }, []],
  ["with a link in place of the file keeps it", { "/job": "directory", "/job/hostfile": "symlink" }, []],
])("an image %s", async (_what, paths, entries) => {
  const { files, head } = image(paths);
  const vacant = await vacancyOf(files, head, "/job/hostfile");
  const placed = placeLauncherFiles(vacant ? [vacant] : [], assignment);
  expect(placed.map(({ path }) => ({ path }))).toEqual(entries);
  for (const { type, content } of placed)
    if (type === "file") expect(content).toBe("main1 slots=1\nsub1 slots=2\n");
});
