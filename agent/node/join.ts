/** Joins a fleet: sends the public key and a join token once, and gets the node's id. */
import { setTimeout as delay } from "node:timers/promises";
import type { z } from "zod";
import type { ProblemView } from "../../shared/errors/problem-schema.ts";
import { type AgentJoin, AgentJoined } from "../../shared/node/node-schemas.ts";
import { backoff } from "../backoff.ts";
import type { Log } from "../log.ts";

/** What the operator can do, by the problem's code. */
const ADVICE: Record<string, string> = {
  join_token_invalid: "make a new one with `skein join-token`: each works once, for an hour",
  name_in_use: "choose another --name, or forget the old node first with `skein node rm`",
};

/** Tries until the API answers. @throws Error with the API's reason and advice when it refuses the node. */
export async function joinFleet(
  api: string,
  request: z.input<typeof AgentJoin>,
  log: Log,
  signal: AbortSignal,
): Promise<z.infer<typeof AgentJoined>> {
  for (let failures = 1; ; failures++) {
    const reason = await ask(api, request, signal).catch((error: Error) => {
      if (error instanceof Refused || signal.aborted) throw error;
      return String((error.cause as Error | undefined)?.message || error.message);
    });
    if (typeof reason !== "string") return reason;
    const wait = backoff(failures, Math.random());
    log.warn(
      { api, reason, again_ms: Math.round(wait) },
      "the API cannot be reached; the node has not joined yet",
    );
    await delay(wait, undefined, { signal });
  }
}

class Refused extends Error {}

async function ask(
  api: string,
  request: z.input<typeof AgentJoin>,
  signal: AbortSignal,
): Promise<z.infer<typeof AgentJoined>> {
  const response = await fetch(new URL("/v1/agents", api), {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(request),
    signal,
  });
  if (response.ok) return AgentJoined.parse(await response.json());
  const problem = (await response.json().catch(() => ({}))) as Partial<z.infer<typeof ProblemView>>;
  const said = problem.detail ?? problem.title ?? response.statusText;
  // 429 and 5xx are temporary; any other error is final.
  if (response.status >= 500 || response.status === 429) throw new Error(`${response.status} ${said}`);
  const advice = ADVICE[problem.code ?? ""];
  throw new Refused(`the API refused the node: ${said}${advice ? ` — ${advice}` : ""}`);
}
