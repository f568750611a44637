/** Parses and validates frames from an agent. */
import { AgentMessage } from "../../shared/protocol/protocol.ts";

/** Undefined if the frame is invalid. */
export function readFrame(data: string | ArrayBuffer): AgentMessage | undefined {
  if (typeof data !== "string") return undefined;
  try {
    return AgentMessage.safeParse(JSON.parse(data)).data;
  } catch {
    return undefined;
  }
}
