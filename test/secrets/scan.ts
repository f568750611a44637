/**
 * Looks for leaked secrets after a run on the lab, in all databases, logs and state that APIs, agents and engines left there. As a program, in
 * a lab: `node test/secrets/scan.ts COMMAND [ARGUMENT...]` runs the command first. It prints a line for each find on stderr, and ends with
 * the command's exit status, or with 1 if there is a find.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { basename, relative } from "node:path";
import { contentOf, filesBelow } from "../../cli/testing/files-below.ts";
import { exitStatus } from "../lab/exit-status.ts";

/** By the ends of their names: files that hold a secret, and other files that may contain it. */
const KEEPERS: Record<string, (text: string) => string[]> = {
  "admin-token": (text) => [text.trim()],
  ".secrets-key": (text) => [text.trim()],
  // The PKCS #8 body: the last 32 of its bytes are the key.
  "node-key.pem": (pem) => {
    const body = pem.replace(/-----.*-----|\s/g, "");
    const seed = Buffer.from(body, "base64").subarray(-32);
    return [body, seed.toString("base64url"), seed.toString("hex"), seed.toString("latin1")];
  },
};

/** Patterns of secrets that no known file holds. */
const SHAPES: Record<string, RegExp> = {
  // PEM (RFC 7468), not a program that speaks of it.
  "a private key": /PRIVATE KEY-----/,
  // "openssh-key-v1", as it begins in base64.
  "an OpenSSH private key": /b3BlbnNzaC1rZXktdjE/,
  "a join token": /skj_[\w-]{43}/,
  // What tests plant as secretEnv and as passwords.
  "a planted secret": /planted-secret/,
  "a token": /skt_[\w-]{40,}\.[\w-]{43}/,
};

/** An engine's own directory: images and containers have their own keys. */
const NOT_OURS = "docker";

/** Reads the secrets of a file that holds some; undefined: it holds none. */
function keeperOf(path: string): ((text: string) => string[]) | undefined {
  return Object.entries(KEEPERS).find(([end]) => basename(path).endsWith(end))?.[1];
}

/** A line for each file and secret; empty if there is none. O(files × secrets). */
export function secretsBelow(directory: string): string[] {
  const files = filesBelow(directory, NOT_OURS);
  const known = files.flatMap((path) => {
    const secrets = keeperOf(path)?.(contentOf(path).toString("utf8")) ?? [];
    return secrets.map((secret) => ({ secret, of: relative(directory, path) }));
  });
  return files
    .filter((path) => !keeperOf(path))
    .flatMap((path) => {
      const text = contentOf(path).toString("latin1");
      const at = relative(directory, path);
      return [
        ...known.filter(({ secret }) => text.includes(secret)).map(({ of }) => `${at}: the secret of ${of}`),
        ...Object.entries(SHAPES).flatMap(([what, shape]) => (shape.test(text) ? [`${at}: ${what}`] : [])),
      ];
    });
}

if (import.meta.main) {
  const directory = process.env["SKEIN_LAB_DIR"];
  const [program, ...args] = process.argv.slice(2);
  if (directory === undefined || program === undefined) {
    console.error("usage: node test/lab/enter.ts -- node test/secrets/scan.ts COMMAND [ARGUMENT...]");
    process.exit(2);
  }
  const [code, signal] = await once(spawn(program, args, { stdio: "inherit" }), "exit");
  const isLab = filesBelow(directory, NOT_OURS).some((path) => keeperOf(path) !== undefined);
  const found = isLab ? secretsBelow(directory) : [`${directory}: no lab has left anything to look through`];
  for (const line of found) console.error(`secrets: ${line}`);
  process.exitCode = exitStatus(code, signal) || (found.length > 0 ? 1 : 0);
}
