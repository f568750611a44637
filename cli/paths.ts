/** Paths in this checkout, independent of the current directory. */
import { join } from "node:path";

/** The checkout. */
export const ROOT = join(import.meta.dirname, "..");

/** Data that commands keep between runs: ignored by git, safe to delete while nothing runs. */
export const STATE = join(ROOT, ".skein");

/** Default of `skein serve --data`. */
export const API_DATA = join(STATE, "api");

/** Default of `skein agent --state`. */
export const AGENT_STATE = join(STATE, "agent");

/** The kits built by this checkout; agents on this machine share them. */
export const KIT_ROOT = join(STATE, "kit");
