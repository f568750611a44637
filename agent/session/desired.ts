/** What the API wants of one session on this node, with the assignment of that epoch. */
import type { Assign, Registry } from "../../shared/protocol/protocol.ts";
import type { Phase } from "../../shared/session/lifecycle.ts";
import { type SentAssignment, sentAssignmentOf } from "./assignment-store.ts";

/** `sent` is missing only with the phase `removed`, or when the API has to send the assignment again. */
export interface Desired {
  session: string;
  epoch: number;
  phase: Phase;
  /** With `removed`: kill the containers at once. */
  force?: boolean | undefined;
  sent?: SentAssignment | undefined;
  /** Registries of private images, with the project's credentials: in memory only, and only while images may be pulled. */
  registries?: readonly Registry[] | undefined;
}

/**
 * `known` is the assignment of the same epoch that this node has, in memory or on disk. It wins over the frame's, since an assignment never
 * changes within an epoch.
 */
export function desiredOf(assign: Assign, known: SentAssignment | undefined): Desired {
  const { session, epoch, phase, force, layout, part, keys, registries, sshKeys = [] } = assign;
  const desired: Desired = { session, epoch, phase, force, registries };
  if (phase === "removed") return desired;
  if (known) {
    // The list only grows, but frames may come late.
    const longest = sshKeys.length > known.sshKeys.length ? sshKeys : known.sshKeys;
    return { ...desired, sent: { ...known, keys: known.keys ?? keys, sshKeys: longest } };
  }
  return layout && part
    ? { ...desired, sent: sentAssignmentOf(session, epoch, layout, part, keys, sshKeys) }
    : desired;
}

/** What the API has to send again; undefined when nothing is missing. */
export function missingIn({ phase, sent }: Desired): "its assignment" | "its keys" | undefined {
  if (phase === "removed") return undefined;
  if (!sent) return "its assignment";
  return phase !== "prepared" && !sent.keys ? "its keys" : undefined;
}
