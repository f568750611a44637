/** What the API must do with a frame of the fuzzed node, by the protocol alone: the fuzz run compares it with what the API does. */
import { AgentMessage, CLOSE, type Hello, PING, PROTOCOL } from "../../shared/protocol/protocol.ts";
import type { TestNode } from "../support/node.ts";
import type { Frame } from "./node-frames.ts";

/** The message that the API takes, or its close code. Neither: it takes a ping. */
export interface Verdict {
  code?: number;
  message?: AgentMessage;
}

/** The connection that a frame is sent on. */
export interface Dialled {
  /** The fuzzed node: the only one whose key the frames can prove. */
  node: TestNode;
  /** Id of the node that it dialled as. */
  id: string;
  nonce: string;
  /** Its hello was accepted. */
  proven: boolean;
}

export function verdictOf({ as, huge = 0 }: Frame, text: string, on: Dialled): Verdict {
  // RFC 6455, 7.4.1: workerd itself closes, before any code of ours sees it.
  if (Buffer.byteLength(text) + huge > 2 ** 25) return { code: 1009 };
  if (as !== undefined) return { code: CLOSE.badMessage.code };
  if (text === PING && huge === 0) return {};
  const message = messageOf(text);
  if (!message || (message.type === "hello") === on.proven) return { code: CLOSE.badMessage.code };
  if (message.type === "rotate") return { code: CLOSE.badSignature.code };
  if (message.type !== "hello") return { message };
  if (message.node !== on.id || message.fleet !== on.node.fleet) return { code: CLOSE.unknownNode.code };
  const version = Math.min(message.protocol.max, PROTOCOL.max);
  if (version < Math.max(message.protocol.min, PROTOCOL.min)) return { code: CLOSE.protocol.code };
  return proves(message, on) ? { message } : { code: CLOSE.badSignature.code };
}

function proves(hello: Hello, { node, nonce }: Dialled): boolean {
  return hello.node === node.id && hello.signature === node.signature(nonce);
}

function messageOf(text: string): AgentMessage | undefined {
  try {
    return AgentMessage.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
