/** Where to find programs: the caller's PATH, plus the system directories that not every user's PATH has. */
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

const systemPath = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

/** The PATH on which the lab's programs are. */
export function labPath(): string {
  return [...new Set([...(process.env["PATH"] ?? "").split(delimiter), ...systemPath])].join(delimiter);
}

/** Path of a program, or undefined if there is none. */
export function findProgram(program: string): string | undefined {
  return labPath()
    .split(delimiter)
    .map((directory) => join(directory, program))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}
