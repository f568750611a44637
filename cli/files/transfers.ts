/** What `skein run` puts into its containers before their commands run, and brings back from main1 after its command. */
import { mkdir, stat } from "node:fs/promises";
import type { Skein } from "../../sdk/index.ts";
import { CliError, UsageError } from "../cli-error.ts";
import { say } from "../print.ts";
import { text } from "../terminal-text.ts";
import { byteCounter, sizeOf } from "./byte-counter.ts";
import { copyContents, copyOut, NoSuchPath } from "./copy.ts";
import { sayLeftOut } from "./left-out.ts";

export interface Upload {
  dir: string;
  /** In each container. */
  target: string;
}

export interface Download {
  /** In main1. */
  path: string;
  dir: string;
}

/** What stands alone: the container's working directory, or this machine's. */
const HERE = ".";

/** `DIR[:TARGET]`. @throws CliError for what is no directory */
export async function uploadsGiven(given: readonly string[]): Promise<Upload[]> {
  const uploads = given.map((each) => {
    const [dir, target] = pair("upload", each);
    return { dir, target };
  });
  for (const { dir } of uploads) {
    const found = await stat(dir).catch(() => undefined);
    if (!found) throw new CliError(`--upload: there is no ${dir}`);
    if (!found.isDirectory()) throw new CliError(`--upload: ${dir} is no directory`);
  }
  return uploads;
}

/** `PATH[:DIR]`. */
export function downloadsGiven(given: readonly string[]): Download[] {
  return given.map((each) => {
    const [path, dir] = pair("download", each);
    return { path, dir };
  });
}

/** The second part may be missing. The last colon divides, so the first part may have some. */
function pair(option: string, given: string): [string, string] {
  const colon = given.lastIndexOf(":");
  const [first, second] = colon < 0 ? [given, HERE] : [given.slice(0, colon), given.slice(colon + 1)];
  if (first === "" || second === "") throw new UsageError(`--${option} must be like FROM:TO, not ${given}`);
  return [first, second];
}

/** Into all containers at once. `session` is its id. @throws CliError, ApiProblem */
export async function uploadTo(skein: Skein, session: string, { dir, target }: Upload): Promise<void> {
  const counter = byteCounter(`upload ${dir}`);
  let sent = 0;
  try {
    await copyContents(skein, dir, { session, host: "*", path: target }, (bytes) => {
      sent = bytes;
      counter.count(bytes);
    });
  } finally {
    counter.end();
  }
  const where = target === HERE ? "the working directory" : target;
  say(text`${dir} is in ${where} of every container (${sizeOf(sent)})`);
}

/** How a download has ended. `kept`: it may be tried again, as long as the containers are there. */
export type Downloaded = "done" | "missing" | "kept";

/** Says itself what went wrong. */
export async function downloadFrom(
  skein: Skein,
  { id, name }: { id: string; name: string },
  { path, dir }: Download,
): Promise<Downloaded> {
  const counter = byteCounter(`download ${path}`);
  try {
    await mkdir(dir, { recursive: true });
    const copy = { direction: "out", local: dir, remote: { session: id, host: "main1", path } } as const;
    const { bytes, leftOut } = await copyOut(skein, copy, false, counter.count);
    counter.end();
    sayLeftOut(leftOut);
    say(text`${path} is in ${dir} (${sizeOf(bytes)})`);
    return leftOut.length > 0 ? "missing" : "done";
  } catch (error) {
    counter.end();
    say(text`not downloaded: ${path}: ${(error as Error).message}`);
    if (error instanceof NoSuchPath) return "missing";
    say(text`  its containers stay for a while: skein cp ${name}:${path} ${dir}, and then skein rm ${name}`);
    return "kept";
  }
}
