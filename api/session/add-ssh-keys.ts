/** Users' keys that come while a session is live. */
import { invalidFields, SkeinError } from "../../shared/errors/errors.ts";
import { needsNodes, type SessionRecord } from "../../shared/session/session-record.ts";
import { withKeys } from "../../shared/ssh/public-key.ts";
import { MOST_SSH_KEYS } from "../../shared/ssh/ssh-schemas.ts";
import type { SessionStore } from "./session-store.ts";

/** What the session would have with `more`. @throws SkeinError `not_running` once it ends; `invalid_request` past the bound */
export function sshKeysWith(store: SessionStore, record: SessionRecord, more: readonly string[]): string[] {
  const { name, status } = record;
  if (status !== "pending" && !needsNodes(record))
    throw new SkeinError("not_running", `session ${name} is ${status}: it takes no more keys`);
  const all = withKeys(store.sshKeys(), more);
  if (all.length <= MOST_SSH_KEYS) return all;
  const message = `would make ${all.length} keys: a session takes ${MOST_SSH_KEYS} in all`;
  throw invalidFields([{ field: "keys", message }]);
}

/** Stores them, and asks for them to be sent to the nodes. False if there are none that are new. */
export function addSshKeys(store: SessionStore, record: SessionRecord, more: readonly string[]): boolean {
  const all = sshKeysWith(store, record, more);
  if (all.length === store.sshKeys().length) return false;
  store.putSshKeys(all);
  store.parts.wantSshKeys(record.epoch);
  return true;
}
