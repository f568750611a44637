/** What the agent stores about a container, for the time after its own restart. Files for the agent only (0600). */
import { createPrivateKey, type JsonWebKey, type KeyObject } from "node:crypto";
import { lstat, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Identity } from "../../shared/protocol/protocol.ts";
import type { Vacant } from "../frameworks/launcher-files.ts";
import { saveFile } from "../save-file.ts";
import type { Keys } from "../ssh/place.ts";
import type { KeyPair } from "../ssh/ssh-keys.ts";
import type { Survey } from "../ssh/survey.ts";
import type { Restart } from "./restart.ts";

export interface Prepared {
  containerId: string;
  identity: Identity;
  survey: Survey;
  /** Files for launchers that are written into the container itself. */
  vacant: Vacant[];
  /** Kept until they are written into the container, together with the session's public keys. */
  keys?: Keys;
}

/** The folder of one container in its session's directory. The container sees its subfolder `self`. */
export function hostDir(sessionDir: string, host: string): string {
  if (!/^[a-z][a-z0-9-]*$/.test(host)) throw new Error(`${JSON.stringify(host)} is no host name`);
  return join(sessionDir, host);
}

export function selfDir(sessionDir: string, host: string): string {
  return join(hostDir(sessionDir, host), "self");
}

export async function savePrepared(sessionDir: string, { keys, ...rest }: Prepared): Promise<void> {
  const secrets = keys && { host: secretOf(keys.host.privateKey), user: secretOf(keys.user.privateKey) };
  await saveFile(hostDir(sessionDir, rest.identity.host), "prepared.json", {
    ...rest,
    ...(secrets && { secrets }),
  });
}

/** Undefined when the container was not completely prepared. */
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
  await saveFile(hostDir(sessionDir, host), "restart.json", restart);
}

/** Undefined when the container was never restarted. */
export async function loadRestart(sessionDir: string, host: string): Promise<Restart | undefined> {
  try {
    return JSON.parse(await readFile(join(hostDir(sessionDir, host), "restart.json"), "utf8"));
  } catch {
    return undefined;
  }
}

function secretOf(key: KeyObject): JsonWebKey {
  return key.export({ format: "jwk" });
}

function keyPairOf(secret: JsonWebKey, publicKey: string): KeyPair {
  return { privateKey: createPrivateKey({ key: secret, format: "jwk" }), publicKey };
}

/** Whether the container's gate is open: a FIFO is closed, a regular file is open (see the kit's gate.ts). */
export async function gateIsOpen(sessionDir: string, host: string): Promise<boolean> {
  const gate = await lstat(join(selfDir(sessionDir, host), "gate")).catch(() => undefined);
  return gate?.isFile() ?? false;
}
