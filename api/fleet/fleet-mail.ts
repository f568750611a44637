/** Delivers Fleet's letters. A target's name gives the kind of the object and which one it is. */
import type { Letter } from "../mailbox/mailbox.ts";
import type { FromFleet, ToSession } from "../platform/messages.ts";
import { limiterOf, linkAt, sessionOf } from "../platform/objects.ts";

export const sessionTarget = (id: string) => `session/${id}`;
export const linkTarget = (number: number) => `link/${number}`;
export const limiterTarget = (token: string) => `limiter/${token}`;

/**
 * `busyNodes`: the nodes of a Link that have work and therefore receive joins and leaves. `nodesChange`: number of the last join or leave.
 */
interface About {
  busyNodes(link: number): string[];
  nodesChange(): number;
}

type Kind = "session" | "link" | "limiter";

/** Rejects if the object did not take the letters. */
export async function carryFromFleet(
  env: Cloudflare.Env,
  about: About,
  target: string,
  letters: Letter<FromFleet>[],
): Promise<void> {
  const [kind, name] = target.split("/") as [Kind, string];
  if (kind === "session") return sessionOf(env, name).receive("fleet", letters as Letter<ToSession>[]);
  if (kind === "limiter") return limiterOf(env, name).revoke();
  const link = linkAt(env, Number(name));
  const dropped = letters.filter(({ body }) => body.kind === "dropNode");
  if (dropped.length > 0) await link.dropNodes(dropped.map(({ subject }) => subject));
  if (dropped.length < letters.length)
    await link.nodesChanged(about.busyNodes(Number(name)), about.nodesChange());
}
