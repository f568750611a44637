/** The key that encrypts secrets in the data (docs/security.md). It lies outside the data directory, so that a copy of that does not hold it. */
import { existsSync } from "node:fs";
import { CliError } from "../cli-error.ts";
import { madeOnce } from "./made-once.ts";

/** Where it is unless told: beside the data directory. */
export function secretsKeyBeside(directory: string): string {
  return `${directory}.secrets-key`;
}

/** A line for the operator where the key is missing though the data is there; else undefined. */
export function lostKeyText(path: string, hasData: boolean): string | undefined {
  if (!hasData || existsSync(path)) return undefined;
  return `${path} is not there, and a new key is made: secrets that were stored with the old one cannot be read any longer`;
}

/** The key, made at the first start. @throws CliError if it cannot be, or is too short */
export function secretsKeyIn(path: string): string {
  let key: string;
  try {
    key = madeOnce(path);
  } catch (error) {
    throw new CliError(
      `the key for secrets cannot be read or made: ${(error as Error).message}`,
      "choose another file with --secrets-key FILE",
    );
  }
  // The API's own limit (api/platform/seal.ts): 32 bytes in base64.
  if (key.length < 43)
    throw new CliError(
      `${path} holds no key for secrets: it must have 32 random bytes in base64`,
      `make it with: openssl rand -base64 32 >${path}, or remove the file`,
    );
  return key;
}
