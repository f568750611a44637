/** What the agent has to remember of a container over its own restart. Files of the agent's own (0600). */
import { createPrivateKey, type JsonWebKey, type KeyObject } from "node:crypto";
import { lstat, mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Identity } from "../../shared/protocol/protocol.ts";
import type { Keys } from "../ssh/place.ts";
import type { KeyPair } from "../ssh/ssh-keys.ts";
import type { Survey } from "../ssh/survey.ts";
import type { Restart } from "./restart.ts";

export interface Prepared {
  containerId: string;
  identity: Identity;
  survey: Survey;
  /** Only until they are in the container, which is when the session's public keys are there to go with them. */
  keys?: Keys;
}

/** The folder of one container in its session's directory. `self` in it is what the container sees. */
export function hostDir(sessionDir: string, host: string): string {
  if (!/^[a-z][a-z0-9-]*$/.test(host)) throw new Error(`${JSON.stringify(host)} is no host name`);
  return join(sessionDir, host);
}

export function selfDir(sessionDir: string, host: string): string {
  return join(hostDir(sessionDir, host), "self");
}

export async function savePrepared(sessionDir: string, { keys, ...rest }: Prepared): Promise<void> {
  const secrets = keys && { host: secretOf(keys.host.privateKey), user: secretOf(keys.user.privateKey) };
  await save(sessionDir, rest.identity.host, "prepared.json", { ...rest, ...(secrets && { secrets }) });
}

/** Undefined where it was not prepared to the end. */
export async function loadPrepared(sessionDir: string, host: string): Promise<Prepared | undefined> {
  try {
    const path = join(hostDir(sessionDir, host), "prepared.json");
    const { secrets, ...rest } = JSON.parse(await readFile(path, "utf8"));
    const { hostKey, userKey } = (rest as Prepared).identity;
    if (!secrets) return rest;
    const keys = { host: keyPairOf(secrets.host, hostKey), user: keyPairOf(secrets.user, userKey) };
    return { ...rest, keys };
  } catch {
    return undefined;
  }
}

export async function saveRestart(sessionDir: string, host: string, restart: Restart): Promise<void> {
  await save(sessionDir, host, "restart.json", restart);
}

/** Undefined where it was never to be started again. */
export async function loadRestart(sessionDir: string, host: string): Promise<Restart | undefined> {
  try {
    return JSON.parse(await readFile(join(hostDir(sessionDir, host), "restart.json"), "utf8"));
  } catch {
    return undefined;
  }
}

/** Whole or not at all. */
async function save(sessionDir: string, host: string, name: string, value: unknown): Promise<void> {
  const dir = hostDir(sessionDir, host);
  await mkdir(dir, { recursive: true });
  const path = join(dir, name);
  await writeFile(`${path}.new`, JSON.stringify(value), { mode: 0o600 });
  await rename(`${path}.new`, path);
}

function secretOf(key: KeyObject): JsonWebKey {
  return key.export({ format: "jwk" });
}

function keyPairOf(secret: JsonWebKey, publicLine: string): KeyPair {
  return { privateKey: createPrivateKey({ key: secret, format: "jwk" }), publicLine };
}

/** Whether the container's command was let go (see the kit's gate: a FIFO while closed, then a file). */
export async function gateIsOpen(sessionDir: string, host: string): Promise<boolean> {
  const gate = await lstat(join(selfDir(sessionDir, host), "gate")).catch(() => undefined);
  return gate?.isFile() ?? false;
}
