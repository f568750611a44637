/**
 * Counts the sockets of agents and of clients' streams of this process, and how many of them are still connecting. Each takes two descriptors, and workerd exits when
 * it has none left for a new connection. So the edge refuses new agents before that (`MAX_LINKS`). On Cloudflare each object may run in its
 * own process: there the counts stay small, and the platform sets the limits.
 */
import { SkeinError } from "../../shared/errors/errors.ts";

/** Each Link and Tunnel object's last count, by its name. */
const counts = new Map<string, number>();

/**
 * Agents that may connect at once. A handshake takes about 2 ms of a core, so these are connected within a second. Thousands at once would
 * take longer than an agent waits; they would all dial again and double the load.
 */
const MOST_GREETINGS = 256;
/**
 * How long an agent that has dialled and sends nothing counts as connecting. A cancelled dial counts as long: the platform does not report
 * its end.
 */
const GREETING_MS = 10_000;

/** Agents in one stage of connecting. */
class Connecting {
  /** Start of each (ms since 1970), oldest first. */
  readonly #since = new Map<symbol, number>();

  /** Call the returned function when the agent leaves this stage. */
  begin(): () => void {
    const one = Symbol();
    this.#since.set(one, Date.now());
    return () => this.#since.delete(one);
  }

  count(): number {
    const oldest = Date.now() - GREETING_MS;
    for (const [one, since] of this.#since) {
      if (since >= oldest) break;
      this.#since.delete(one);
    }
    return this.#since.size;
  }
}

/** Accepted by the edge; their Link object has not counted them yet. */
const dials = new Connecting();
/** Clients of the edge; their Tunnel object has not counted them yet. */
const streams = new Connecting();
/** Counted, but without a welcome. */
const greetings = new Connecting();

export function noteLinks(link: string, count: number): void {
  counts.set(link, count);
}

/** The same for a Tunnel object's sockets: of agents and of clients. */
export function noteStreams(tunnel: string, count: number): void {
  if (count === 0) counts.delete(tunnel);
  else counts.set(tunnel, count);
}

export function openLinks(): number {
  return [...counts.values()].reduce((sum, count) => sum + count, 0);
}

/** The edge accepts a dial. Call the returned function when its Link object has answered. */
export function dialBegins(): () => void {
  return dials.begin();
}

/** The edge accepts a client's stream. Call the returned function when its Tunnel object has answered. */
export function streamBegins(): () => void {
  return streams.begin();
}

/** Whether `maxLinks` links and streams are open or dialled: a thousand dials may come before the first is counted. */
export function isFull(maxLinks: number): boolean {
  return openLinks() + dials.count() + streams.count() >= maxLinks;
}

/** For streams of clients: each socket takes two descriptors, as an agent's does. @throws SkeinError `unavailable` */
export function refuseIfFull(maxLinks: number): void {
  if (!isFull(maxLinks)) return;
  throw new SkeinError(
    "unavailable",
    `this API holds ${maxLinks} agents and streams and has no room for another: raise MAX_LINKS, and the files that its process may open`,
    { retryAfter: 30 },
  );
}

/** An agent has dialled. Call the returned function when it is connected, or gone. */
export function greetingBegins(): () => void {
  return greetings.begin();
}

/** Whether as many agents are connecting as this process accepts at once. */
export function isBusyGreeting(): boolean {
  // Not the sum: an agent counts as both from its Link's first line until its Link's answer.
  return Math.max(dials.count(), greetings.count()) >= MOST_GREETINGS;
}
