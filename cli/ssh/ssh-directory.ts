/** Skein's folder for SSH: known hosts of sessions, and a key if the user has none. */
import { join } from "node:path";
import { configDirectory } from "../contexts.ts";

/** `~/.config/skein/ssh`. */
export function sshDirectory(): string {
  return join(configDirectory(), "ssh");
}
