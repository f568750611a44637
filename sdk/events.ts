/**
 * Follows event streams. A connection that breaks, or says nothing for 25 s, is made again, and the stream goes on after the last event: no gap,
 * no repeat.
 */
import type { ContainerChanged, SessionChanged } from "./generated/types.gen.ts";
import { type ConnectionOptions, reconnecting } from "./reconnecting.ts";
import { type Block, blocksOf } from "./server-sent-events.ts";

/** `id` is what `after` takes; progress has none, since it is not kept. */
export type SkeinEvent =
  | ({ event: "session"; id: string } & SessionChanged)
  | ({ event: "container"; id: string } & ContainerChanged)
  | ({ event: "progress"; id: null } & ContainerChanged);

export interface FollowOptions extends ConnectionOptions {
  /** Id or name of a session; without it: all sessions of the token's project. */
  session?: string;
  /** Begin after the event of this id, instead of with the oldest that is kept. */
  after?: string;
  /** Without `after`: begin with the last so many; 0: with what comes from now on. */
  tail?: number;
}

/** Asks for the stream after that event. Rejects as `fetch` does. */
export type Connect = (after: string | undefined, signal: AbortSignal) => Promise<Response>;

/**
 * Events until the session's last one, or until `signal`.
 * @throws what `refused` makes of an answer that will stay as it is
 */
export function follow(
  connect: Connect,
  { after, ...options }: FollowOptions,
  refused: (response: Response) => Promise<Error>,
): AsyncGenerator<SkeinEvent, void, undefined> {
  let last = after;
  async function* read(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<SkeinEvent | undefined> {
    for await (const block of blocksOf(chunks)) {
      last = block.id ?? last;
      yield block.data === "" ? undefined : eventOf(block);
    }
  }
  // The API ends a body with the session's last event, or to be asked again.
  return reconnecting(
    { connect: (signal) => connect(last, signal), read, endsWithBody: false, refused },
    options,
  );
}

function eventOf({ id, event, data }: Block): SkeinEvent {
  return { event, id: id ?? null, ...JSON.parse(data) } as SkeinEvent;
}
