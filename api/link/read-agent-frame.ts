/** What comes from an agent, read and judged. */
import { AgentMessage } from "../../shared/protocol/protocol.ts";

/** Undefined where it is not understood. */
export function readFrame(data: string | ArrayBuffer): AgentMessage | undefined {
  if (typeof data !== "string") return undefined;
  try {
    return AgentMessage.safeParse(JSON.parse(data)).data;
  } catch {
    return undefined;
  }
}
