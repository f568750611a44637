/**
 * The assignments that the API sent, on this node's disk. So the API sends each of them once, and not again with the next phase or after a
 * restart of the agent. A session's directory has such files (0600, written whole or not at all): `assignment.json` from the beginning
 * of an epoch, `keys.json` once the session's public keys are settled, and `ssh-keys.json` with the keys of its users.
 */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import {
  type Assignment,
  assignmentOf,
  Id,
  Layout,
  Part,
  SessionKeys,
} from "../../shared/protocol/assignment.ts";
import type { Held } from "../../shared/protocol/protocol.ts";
import { SshKeys } from "../../shared/ssh/ssh-schemas.ts";
import { networkName } from "../docker/docker-names.ts";
import type { Owner } from "../network/link-names.ts";
import { saveFile } from "../save-file.ts";

export const ASSIGNMENT_FILE = "assignment.json";
export const KEYS_FILE = "keys.json";
const SSH_KEYS_FILE = "ssh-keys.json";
export const ASSIGNMENT_FILES: ReadonlySet<string> = new Set([ASSIGNMENT_FILE, KEYS_FILE, SSH_KEYS_FILE]);

/** The most that `hello` may list. The API sends the others again. */
const MOST_LISTED = 4096;

const Epoch = z.int().min(1);
/** Another build of the agent may have stored fields that this one does not know: they are dropped. */
const StoredAssignment = z.object({ session: Id, epoch: Epoch, layout: Layout, part: Part });
const StoredKeys = z.object({ epoch: Epoch, keys: SessionKeys });
const StoredSshKeys = z.object({ sshKeys: SshKeys });

/** The assignment of one session and epoch: as it was sent, and written out. */
export interface SentAssignment {
  session: string;
  epoch: number;
  layout: Layout;
  part: Part;
  /** The public keys of all containers, in rank order; undefined until they are settled. */
  keys: SessionKeys | undefined;
  /** The public keys of the session's users. */
  sshKeys: readonly string[];
  assignment: Assignment;
}

/** @throws Error when the part's place is not in the layout. */
export function sentAssignmentOf(
  session: string,
  epoch: number,
  layout: Layout,
  part: Part,
  keys: SessionKeys | undefined,
  sshKeys: readonly string[] = [],
): SentAssignment {
  const assignment = assignmentOf(session, epoch, layout, part);
  return { session, epoch, layout, part, keys, sshKeys, assignment };
}

export class AssignmentStore {
  readonly #sessionsDir: string;
  readonly #owner: Owner;
  /** What is on the disk, by session. */
  readonly #held = new Map<string, Held>();

  private constructor(sessionsDir: string, owner: Owner) {
    this.#sessionsDir = sessionsDir;
    this.#owner = owner;
  }

  /** Reads all stored assignments. One that cannot be read counts as missing, so the API sends it again. */
  static async open(sessionsDir: string, owner: Owner): Promise<AssignmentStore> {
    const store = new AssignmentStore(sessionsDir, owner);
    for (const name of await readdir(sessionsDir)) {
      const sent = await readStored(join(sessionsDir, name));
      if (sent && networkName(owner, sent.session) === name)
        store.#note(sent, sent.keys !== undefined, sent.sshKeys.length);
    }
    return store;
  }

  /** For hello. */
  get held(): Held[] {
    return [...this.#held.values()].slice(0, MOST_LISTED);
  }

  /** Ids of the sessions that have a stored assignment. */
  get sessions(): string[] {
    return [...this.#held.keys()];
  }

  /** Whether assignment and keys are stored. Session and epoch are enough to know, since an assignment never changes within an epoch. */
  has({ session, epoch, keys }: Pick<SentAssignment, "session" | "epoch" | "keys">): boolean {
    const held = this.#held.get(session);
    return held?.epoch === epoch && (held.keys || keys === undefined);
  }

  /** The stored assignment; undefined when there is none, or when it cannot be read. */
  async load(session: string): Promise<SentAssignment | undefined> {
    return this.#held.has(session) ? await readStored(this.#dirOf(session)) : undefined;
  }

  /** Writes what is not stored yet. */
  async save(sent: SentAssignment): Promise<void> {
    const { session, epoch, layout, part, keys } = sent;
    const dir = this.#dirOf(session);
    if (this.#held.get(session)?.epoch !== epoch) {
      await saveFile(dir, ASSIGNMENT_FILE, { session, epoch, layout, part });
      this.#note(sent, false, this.#held.get(session)?.sshKeys);
    }
    if (keys && !this.#held.get(session)!.keys) {
      await saveFile(dir, KEYS_FILE, { epoch, keys });
      this.#note(sent, true, this.#held.get(session)?.sshKeys);
    }
  }

  /** Stores the keys of the session's users, unless they are stored already. They hold for every epoch. */
  async saveSshKeys({ session, sshKeys }: Pick<SentAssignment, "session" | "sshKeys">): Promise<void> {
    if ((this.#held.get(session)?.sshKeys ?? 0) >= sshKeys.length) return;
    await saveFile(this.#dirOf(session), SSH_KEYS_FILE, { sshKeys });
    const held = this.#held.get(session);
    if (held) this.#note(held, held.keys, sshKeys.length);
  }

  /** The stored assignment is gone or useless: `hello` does not list it any longer, so the API sends it again if it is wanted. */
  forget(session: string): void {
    this.#held.delete(session);
  }

  #note({ session, epoch }: Pick<Held, "session" | "epoch">, keys: boolean, sshKeys = 0): void {
    this.#held.set(session, { session, epoch, keys, ...(sshKeys > 0 ? { sshKeys } : {}) });
  }

  #dirOf(session: string): string {
    return join(this.#sessionsDir, networkName(this.#owner, session));
  }
}

async function readStored(dir: string): Promise<SentAssignment | undefined> {
  const [stored, known, users] = await Promise.all([
    readJson(join(dir, ASSIGNMENT_FILE), StoredAssignment),
    readJson(join(dir, KEYS_FILE), StoredKeys),
    readJson(join(dir, SSH_KEYS_FILE), StoredSshKeys),
  ]);
  if (!stored) return undefined;
  const { session, epoch, layout, part } = stored;
  // Keys of an earlier epoch belong to other containers.
  const keys = known?.epoch === epoch && known.keys.length === layout.members.length ? known.keys : undefined;
  try {
    return sentAssignmentOf(session, epoch, layout, part, keys, users?.sshKeys);
  } catch {
    return undefined;
  }
}

async function readJson<T>(path: string, schema: z.ZodType<T>): Promise<T | undefined> {
  try {
    return schema.safeParse(JSON.parse(await readFile(path, "utf8"))).data;
  } catch {
    return undefined;
  }
}
