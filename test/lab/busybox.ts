/** A root file system with one static busybox, a link for each of its applets, and the user root. */
import { readFile } from "node:fs/promises";
import { run } from "./command.ts";
import { programPath } from "./packages.ts";
import type { Tar } from "./tar.ts";

export async function busyboxRootfs(tar: Tar): Promise<void> {
  const busybox = programPath("busybox");
  const applets = (await run([busybox, "--list"]))
    .split("\n")
    .filter((name) => name !== "" && name !== "busybox");
  tar.directory("bin");
  tar.file("bin/busybox", await readFile(busybox), 0o755);
  for (const name of applets) tar.link(`bin/${name}`, "busybox");
  tar.directory("tmp", 0o1777);
  tar.directory("root", 0o700);
  tar.directory("etc");
  tar.users([{ name: "root", uid: 0, home: "/root", shell: "/bin/sh" }]);
}
