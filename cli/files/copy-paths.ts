/** The two paths of a copy, as `docker cp` and `kubectl cp` write them: one is in a container, `SESSION:PATH` or `SESSION/HOST:PATH`. */
import { posix } from "node:path";
import { UsageError } from "../cli-error.ts";

/** A path in a container; the host `*` means all. */
export interface Remote {
  session: string;
  host: string;
  path: string;
}

export type Copy =
  | { direction: "in"; local: string; remote: Remote }
  | { direction: "out"; local: string; remote: Remote };

/** @throws UsageError */
export function copyOf(source: string, target: string): Copy {
  const [from, to] = [remoteOf(source), remoteOf(target)];
  if (from && to) throw new UsageError("one of the two paths must be on this machine");
  if (to) return { direction: "in", local: source, remote: to };
  if (!from) throw new UsageError("one of the two paths must be in a container: SESSION:PATH");
  if (from.host === "*") throw new UsageError("* is for copies into containers: name one to copy from");
  return { direction: "out", local: target, remote: from };
}

/** Undefined for a path on this machine. One with a colon begins with `/` or `.`, so `./a:b` is a file here. */
function remoteOf(text: string): Remote | undefined {
  const [, where, path] = /^([^:]*):(.*)$/s.exec(text) ?? [];
  if (where === undefined || path === undefined || /^[/.]/.test(text)) return undefined;
  const [, session = "", host = "main1"] = /^([^/]*)(?:\/(.*))?$/s.exec(where)!;
  if (session === "" || host === "") throw new UsageError(`${text}: write SESSION:PATH or SESSION/HOST:PATH`);
  // As in `docker cp`, a path without a leading slash counts from the root.
  return { session, host, path: path.startsWith("/") ? path : `/${path}` };
}

/** How a path is written decides, as in cp(1): `DIR/.` is what is in it, `DIR/` must be a directory. */
export interface Written {
  path: string;
  contents: boolean;
  mustBeDirectory: boolean;
}

export function written(path: string): Written {
  const contents = /(^|\/)\.$/.test(path);
  const mustBeDirectory = contents || path.endsWith("/");
  const plain = posix.normalize(path).replace(/(.)\/+$/, "$1");
  return { path: plain, contents, mustBeDirectory };
}

/** Whether a link in an archive leads out of the archive's root. `path` and `target` as the archive has them. */
export function leadsOut(path: string, target: string): boolean {
  if (posix.isAbsolute(target)) return true;
  const depth = posix
    .normalize(posix.join("/", posix.dirname(path)))
    .split("/")
    .filter(Boolean).length;
  let at = depth;
  for (const part of target.split("/")) {
    if (part === "..") at--;
    else if (part !== "" && part !== ".") at++;
    if (at < 0) return true;
  }
  return false;
}
