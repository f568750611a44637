/** What a client heard, as lines that can be compared with the model's. */
import { closeLine, sorted } from "./stream-verdict.ts";

export function linesOf(said: { text: string } | { channel: number; bytes: Buffer }): string[] {
  if ("channel" in said) return [`${said.channel}:${said.bytes.length}`];
  if (said.text === "pong") return [said.text];
  const message = JSON.parse(said.text) as { type: string; code: string; reason: string };
  return [message.type === "close" ? closeLine(message.code, message.reason) : sorted(message)];
}

/** The first line that is not as it must be; undefined: all are. */
export function differs(
  is: readonly string[],
  must: readonly string[],
  flooded: boolean,
): string | undefined {
  const [a, b] = flooded ? [once(is), once(must)] : [is, must];
  for (let at = 0; at < Math.max(a.length, b.length); at++) {
    const [got, wanted] = [a[at], b[at]];
    // A close without a reason in the model may have any.
    const fits = got === wanted || (wanted?.startsWith("close ") && got?.startsWith(`${wanted} "`));
    if (!fits) return `${got?.slice(0, 300)} at ${at}, not ${wanted?.slice(0, 300)}`;
  }
  return undefined;
}

function once(lines: readonly string[]): string[] {
  return lines.filter((line, at) => line !== lines[at - 1]);
}
