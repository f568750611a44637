/** Reads the frames that arrive on the link. */
import { ApiMessage } from "../../shared/protocol/protocol.ts";

/**
 * Drops fields that this version does not know, since a newer API may send them.
 * @throws Error that says what is wrong, for the log. It does not quote the frame, which may be long.
 */
export function readFrame(text: string): ApiMessage {
  const read = ApiMessage.safeParse(jsonOf(text));
  if (read.success) return read.data;
  const { path, message } = read.error.issues[0]!;
  throw new Error(`${path.join(".") || "frame"}: ${message}`);
}

/** V8's own message would quote the frame, which may hold secrets. */
function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error("the frame is not JSON");
  }
}
