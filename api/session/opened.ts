/** What a Session sends its nodes and does not store: secrets in the clear, and the project's credentials for registries. Opened for each frame. */

import type { Part } from "../../shared/protocol/assignment.ts";
import type { Registry } from "../../shared/protocol/protocol.ts";
import { registryOf } from "../../shared/request/registry.ts";
import type { Secrets } from "../../shared/request/spec.ts";
import { passwordOf, type StoredRegistry, secretsOf } from "../platform/messages.ts";
import { fleetOf } from "../platform/objects.ts";
import { unseal } from "../platform/seal.ts";
import type { SessionStore } from "./session-store.ts";

export interface Opened {
  secrets: Secrets;
  registries: Registry[];
}

export const NOTHING_OPENED: Opened = { secrets: {}, registries: [] };

/** @throws SealBroken, or SkeinError `secrets_key_missing`: another key encrypted them. Whatever else: Fleet did not answer. */
export async function openFor(env: Cloudflare.Env, store: SessionStore): Promise<Opened> {
  const { project } = store.record()!;
  const { roles, sealedSecrets } = store.spec();
  const secrets =
    sealedSecrets === undefined
      ? {}
      : (JSON.parse(await unseal(env, secretsOf(project), sealedSecrets)) as Secrets);
  const hosts = new Set(roles.map(({ image }) => registryOf(image)));
  const stored: StoredRegistry[] = await fleetOf(env).registriesFor(project, [...hosts]);
  return { secrets, registries: await Promise.all(stored.map((each) => opened(env, project, each))) };
}

async function opened(
  env: Cloudflare.Env,
  project: string,
  { host, login }: StoredRegistry,
): Promise<Registry> {
  if (!login) return { host };
  const password = await unseal(env, passwordOf(project, host), login.password);
  return { host, login: { ...login, password } };
}

/** A node's part with the secrets of the roles that it has containers of, and of no other. */
export function withSecrets(part: Part, { secrets }: Opened): Part {
  const roles = [...new Set(part.containers.map(({ role }) => role))].filter((role) => secrets[role]);
  if (roles.length === 0) return part;
  return { ...part, secretEnv: Object.fromEntries(roles.map((role) => [role, secrets[role]!])) };
}

/** The registries that a node's own images come from. */
export function registriesOf(part: Part, { registries }: Opened): Registry[] {
  const hosts = new Set(part.containers.map(({ image }) => registryOf(image)));
  return registries.filter(({ host }) => hosts.has(host));
}
