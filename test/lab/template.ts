/**
 * Engine data directories with the images in them. An engine started for this imports them once. After that, each host's engine starts on a
 * copy of hard links, which takes a fraction of a second. That is safe: an engine never writes into a stored layer (overlayfs copies what a
 * container changes), and replaces its own records by renaming.
 */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { run } from "./command.ts";
import { Engine } from "./engine.ts";
import { type Image, type ImageSet, imageSets, imagesKey, removeOthers, rootfsFile } from "./images.ts";
import { netnsPath } from "./lan.ts";
import { lock } from "./lock.ts";
import { unmountBelow } from "./mounts.ts";
import { templatesDir } from "./state.ts";

/** Fills an engine's new data directory with the images of these sets. `cgroup` is the lab's. */
export async function provideImages(
  dataDir: string,
  cgroup: string,
  sets: readonly ImageSet[],
): Promise<void> {
  using _held = await lock(`${templatesDir}.lock`);
  const version = await run(["dockerd", "--version"]);
  const key = createHash("sha256")
    .update(sets.map(imagesKey).join())
    .update(version)
    .digest("hex")
    .slice(0, 16);
  const prefix = `${sets.join("+")}-`;
  const template = join(templatesDir, prefix + key);
  if (!existsSync(template)) {
    removeOthers(templatesDir, prefix);
    await build(template, cgroup, sets);
  }
  await run(["cp", "--archive", "--link", template, dataDir]);
}

async function build(template: string, cgroup: string, sets: readonly ImageSet[]): Promise<void> {
  console.error("lab: importing images");
  const dataDir = join(templatesDir, "building");
  rmSync(dataDir, { recursive: true, force: true });
  mkdirSync(dataDir, { recursive: true });
  const name = "skein-template";
  const runDir = join("/run/skein-lab", name);
  await run(["ip", "netns", "add", name]);
  const logFile = join(templatesDir, "dockerd.log");
  const engine = new Engine({
    netns: netnsPath(name),
    dataDir,
    runDir,
    logFile,
    cgroup: `${cgroup}/${name}`,
  });
  try {
    await engine.start();
    await Promise.all(sets.flatMap((set) => imageSets[set].map((image) => importImage(engine, set, image))));
    const { Driver: driver } = await engine.docker.info();
    await engine.stop();
    await unmountBelow(dataDir);
    // Images and their layers. Everything else is databases that engines write in place, so engines must not share them.
    for (const entry of readdirSync(dataDir)) {
      if (entry !== "image" && entry !== driver) rmSync(join(dataDir, entry), { recursive: true });
    }
    renameSync(dataDir, template);
  } finally {
    await engine.kill();
    await run(["ip", "netns", "delete", name]);
    rmSync(runDir, { recursive: true, force: true });
  }
}

async function importImage({ docker }: Engine, set: ImageSet, image: Image): Promise<void> {
  const progress = await docker.importImage(rootfsFile(set, image), {
    repo: image.repo,
    tag: image.tag,
    // The engine refuses an empty list.
    ...(image.changes.length === 0 ? {} : { changes: image.changes.join("\n") }),
  });
  await new Promise<void>((resolve, reject) => {
    docker.modem.followProgress(progress, (error) => (error === null ? resolve() : reject(error)));
  });
}
