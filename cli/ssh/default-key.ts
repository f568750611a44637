/** The key pair with which this user's OpenSSH logs in to containers. Only the public half is ever read here. */
import { execFileSync } from "node:child_process";
import {
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import type { SessionRequest } from "../../sdk/index.ts";
import { keyProblem } from "../../shared/ssh/public-key.ts";
import { CliError } from "../cli-error.ts";
import { sshDirectory } from "./ssh-directory.ts";

export interface DefaultKey {
  /** The private key's file. It may be missing where an agent holds the key. */
  identity: string;
  /** The line of its `.pub` file. */
  line: string;
}

/** As OpenSSH's own clients name them, best first. */
const NAMES = ["id_ed25519", "id_ecdsa", "id_rsa"];

/** The first default key of this user; else one of Skein's own, made now if need be. @throws CliError where that cannot be made */
export function defaultKey(): DefaultKey {
  const own = join(sshDirectory(), "id_ed25519");
  const found = keyAt([...NAMES.map((name) => join(homedir(), ".ssh", name)), own]);
  return found ?? makeKey(own);
}

/** The request with this user's default key, unless it names keys itself. Without OpenSSH here it stays as it is. */
export function withDefaultKey(request: SessionRequest): SessionRequest {
  if (request.sshKeys) return request;
  try {
    return { ...request, sshKeys: [defaultKey().line] };
  } catch (error) {
    // `skein ssh` says what is missing, where it matters.
    if (error instanceof CliError) return request;
    throw error;
  }
}

function keyAt(identities: readonly string[]): DefaultKey | undefined {
  for (const identity of identities) {
    const line = readText(`${identity}.pub`)?.trim();
    // What OpenSSH in the containers would not take is passed over, like a file that cannot be read.
    if (line !== undefined && keyProblem(line) === undefined) return { identity, line };
  }
  return undefined;
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

/**
 * ssh-keygen(1) makes it 0600. It has no passphrase, as nobody is there to type one. Another `skein` may do the same now: the private key that
 * gets its name first counts, and the public one is made from it.
 */
function makeKey(identity: string): DefaultKey {
  mkdirSync(sshDirectory(), { recursive: true, mode: 0o700 });
  const making = mkdtempSync(`${identity}.`);
  try {
    if (!existsSync(identity)) {
      const made = join(making, "key");
      keygen(["-q", "-t", "ed25519", "-N", "", "-C", "skein", "-f", made]);
      linkUnlessThere(made, identity);
    }
    writeFileSync(join(making, "pub"), keygen(["-y", "-P", "", "-f", identity]));
    renameSync(join(making, "pub"), `${identity}.pub`);
  } finally {
    rmSync(making, { recursive: true, force: true });
  }
  return keyAt([identity])!;
}

function linkUnlessThere(from: string, to: string): void {
  try {
    linkSync(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
}

/** What it prints. @throws CliError */
function keygen(args: readonly string[]): string {
  try {
    return execFileSync("ssh-keygen", args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
  } catch (error) {
    const { code, stderr, message } = error as NodeJS.ErrnoException & { stderr?: string };
    if (code === "ENOENT") throw noOpenSsh("ssh-keygen");
    throw new CliError(`ssh-keygen could not make a key: ${stderr?.trim() || message}`);
  }
}

/** The error where one of its programs is missing. */
export function noOpenSsh(program: string): CliError {
  return new CliError(`there is no ${program} here`, "install OpenSSH's client (Debian: openssh-client)");
}
