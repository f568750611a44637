/** What `skein agent --allow` lets sessions reach on its machine. */
import type { Allowed } from "../shared/node/node-schemas.ts";
import { HostPath } from "../shared/text/text-schemas.ts";
import { UsageError } from "./cli-error.ts";

/** `--allow mount=/data --allow mount=/scratch:rw --allow device=/dev/fuse --allow privileged --allow host-network`. */
export function allowedGiven(option: string, texts: readonly string[]): Allowed {
  const read = texts.map((text) => {
    const [, kind, , path = "", writable] =
      /^(privileged|host-network|(mount|device)=(.+?)(:rw)?)$/.exec(text) ?? [];
    if (kind === undefined || (kind.startsWith("device") && writable)) {
      throw new UsageError(
        `--${option} must be mount=PATH, mount=PATH:rw, device=PATH, privileged or host-network, not ${text}`,
      );
    }
    if (path !== "" && !HostPath.safeParse(path).success)
      throw new UsageError(`--${option}: ${path} must be an absolute path without . or .., and not / itself`);
    return { kind: kind.replace(/=.*/, ""), path, readOnly: writable === undefined };
  });
  const of = (wanted: string) => read.filter(({ kind }) => kind === wanted);
  return {
    mounts: of("mount").map(({ path, readOnly }) => ({ source: path, readOnly })),
    devices: of("device").map(({ path }) => path),
    privileged: of("privileged").length > 0,
    hostNetwork: of("host-network").length > 0,
  };
}
