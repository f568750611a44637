/** The kit, for the commands that start agents. */
import { buildKit } from "../agent/kit/build.ts";
import { KIT_ROOT } from "./paths.ts";
import { say } from "./print.ts";

/** Builds the kit if it is missing: only that needs Debian's package registry. */
export async function ensureKit(): Promise<void> {
  await buildKit(KIT_ROOT, () => say("fetching the SSH kit's programs from Debian's packages (once)"));
}
