/** Paths of the lab's lasting files: built images, and one directory per lab that is or was up. */
import { join } from "node:path";

/** The lab's state directory, in the checkout and ignored by git. */
export const stateDir = join(import.meta.dirname, "../../.skein/lab");

/** Root file systems, ready for `docker import`. */
export const rootfsDir = join(stateDir, "rootfs");

/** Engine data directories that hold the images already. */
export const templatesDir = join(stateDir, "templates");

/** One numbered directory for each lab that is up at the same time. */
export const slotsDir = join(stateDir, "slots");
