/** Where things are in this checkout, whatever directory the command was called from. */
import { join } from "node:path";

/** The checkout. */
export const ROOT = join(import.meta.dirname, "..");

/** What commands keep between runs: ignored by git, safe to delete while nothing runs. */
export const STATE = join(ROOT, ".skein");

/** `skein serve`'s data unless `--data` says otherwise. */
export const API_DATA = join(STATE, "api");

/** `skein agent`'s state unless `--state` says otherwise. */
export const AGENT_STATE = join(STATE, "agent");

/** The kits that this checkout has built; agents on this machine share them. */
export const KIT_ROOT = join(STATE, "kit");
