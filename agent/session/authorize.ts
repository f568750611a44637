/** The users' public keys: stored on this node, and put where the servers of its containers look for them. */
import { letIn } from "../ssh/users-keys.ts";
import type { SentAssignment } from "./assignment-store.ts";
import { selfDir } from "./container-record.ts";
import { StepFailure, sessionDir } from "./context.ts";
import type { SessionTask } from "./prepare.ts";

/** The keys could not be written. The session goes on without them, and they are tried again. */
export class NotAuthorized extends Error {}

/**
 * May be repeated, and works for containers that run: their servers read the file at each login. @throws StepFailure before the gates
 * open; NotAuthorized later, since a running session must not end because a user cannot log in.
 */
export async function authorize({ context, observed }: SessionTask, sent: SentAssignment): Promise<void> {
  const dir = sessionDir(context, sent.session);
  try {
    await context.assignments.saveSshKeys(sent);
    // One after the other: nothing is being written when this fails.
    for (const host of observed.prepared.keys()) await letIn(selfDir(dir, host), sent.sshKeys);
  } catch (error) {
    const message = `the users' SSH keys could not be written: ${(error as Error).message}`;
    throw observed.gatesOpen ? new NotAuthorized(message) : new StepFailure("create", message);
  }
  observed.sshKeys = sent.sshKeys.length;
}
