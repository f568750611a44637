/** A web server's answer on its way into a stream. */
import type { IncomingMessage } from "node:http";
import { CHANNEL } from "../../shared/streams/frames.ts";
import { HttpResponse } from "../../shared/streams/stream-messages.ts";
import { type Stream, StreamFailure } from "../streams/stream.ts";

/** Passes it on, its head and its body. @throws Error if it breaks off */
export async function answer(stream: Stream, response: IncomingMessage): Promise<void> {
  stream.response(headOf(response));
  for await (const bytes of response as AsyncIterable<Buffer>) await stream.write(CHANNEL.output, bytes);
  stream.end();
}

/** @throws StreamFailure if it is too large: the API would take it for no message, and end the tunnel */
export function headOf({ statusCode, rawHeaders }: IncomingMessage): Omit<HttpResponse, "type"> {
  const head = HttpResponse.safeParse({ type: "response", status: statusCode, headers: pairsOf(rawHeaders) });
  if (!head.success)
    throw new StreamFailure("failed", "the app's answer has too many headers, or too long ones");
  return head.data;
}

/** `[name, value, name, value]`, as Node has them, in pairs. */
function pairsOf(raw: readonly string[]): [string, string][] {
  return Array.from({ length: raw.length / 2 }, (_, i) => [raw[2 * i]!, raw[2 * i + 1]!]);
}

export function brokenOff({ message }: Error): StreamFailure {
  return new StreamFailure("failed", `the app did not answer the request: ${message}`);
}
