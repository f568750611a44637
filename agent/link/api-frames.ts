/** What comes in on the link, read and judged; an assignment also as the hash of what was sent. */
import { createHash } from "node:crypto";
import {
  ApiMessage,
  type Assign,
  type Challenge,
  type Nodes,
  type Rotated,
  type Welcome,
} from "../../shared/protocol/protocol.ts";

/** What the API wants of one session here. `hash` is SHA-256 (hex) of the assignment as it was sent, where there is one. */
export interface Desired extends Assign {
  hash?: string;
}

export type Frame =
  | Challenge
  | Rotated
  | Nodes
  | (Omit<Welcome, "assignments"> & { assignments: Desired[] })
  | (Desired & { type: "assign" });

/** @throws Error with what is wrong, for the log. Never quotes the frame: it may be long. */
export function readFrame(text: string): Frame {
  const raw: unknown = JSON.parse(text);
  const read = ApiMessage.safeParse(raw);
  if (!read.success) {
    const { path, message } = read.error.issues[0]!;
    throw new Error(`${path.join(".") || "frame"}: ${message}`);
  }
  const message = read.data;
  if (message.type === "assign") return withHash(message, raw);
  if (message.type !== "welcome") return message;
  const sent = (raw as { assignments: unknown[] }).assignments;
  return { ...message, assignments: message.assignments.map((assign, at) => withHash(assign, sent[at])) };
}

/** Of what was sent and not of what this version reads of it: after an update of the agent it must still be the same. */
function withHash(assign: Assign, raw: unknown): Desired {
  if (!assign.assignment) return assign;
  const sent = JSON.stringify((raw as { assignment: unknown }).assignment);
  return { ...assign, hash: createHash("sha256").update(sent).digest("hex") };
}
