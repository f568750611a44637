/** The kit, for the commands that start agents. */
import { buildKit } from "../agent/kit/build.ts";
import { KIT_ROOT } from "./paths.ts";

/** Builds it where it is not there yet: only then is Debian's package registry needed. */
export async function ensureKit(): Promise<void> {
  await buildKit(KIT_ROOT);
}
