/** Events of all engines of the lab: every contender is measured with the same clock and the same events. */
import { EventEmitter, once } from "node:events";
import type { Readable } from "node:stream";
import type { LabHost } from "../../test/lab/host.ts";

export interface EngineEvent {
  /** `create`, `start`, `exec_start: /some/command`, … */
  action: string;
  /** A container's labels, and its `image` and `name`. */
  attributes: Readonly<Record<string, string>>;
  /** Milliseconds since 1970, with fractions. */
  at: number;
}

export class EngineEvents {
  readonly #streams: Readable[];
  readonly #arrivals = new EventEmitter();
  #seen: EngineEvent[] = [];

  private constructor(streams: Readable[]) {
    this.#streams = streams;
    for (const stream of streams) this.#follow(stream);
  }

  /** Events of containers from now on. */
  static async of(hosts: readonly LabHost[]): Promise<EngineEvents> {
    const options = { filters: { type: ["container" as const] } };
    const streams = await Promise.all(hosts.map(({ docker }) => docker.getEvents(options)));
    return new EngineEvents(streams as Readable[]);
  }

  /** Resolves with the matching events since the last `forget` once there are this many. */
  async until(count: number, matches: (event: EngineEvent) => boolean): Promise<EngineEvent[]> {
    for (;;) {
      const found = this.all(matches);
      if (found.length >= count) return found;
      await once(this.#arrivals, "some");
    }
  }

  all(matches: (event: EngineEvent) => boolean): EngineEvent[] {
    return this.#seen.filter(matches);
  }

  forget(): void {
    this.#seen = [];
  }

  close(): void {
    for (const stream of this.#streams) stream.destroy();
  }

  #follow(stream: Readable): void {
    let rest = "";
    stream.on("error", () => {});
    stream.setEncoding("utf8").on("data", (chunk: string) => {
      const lines = (rest + chunk).split("\n");
      rest = lines.pop()!;
      for (const line of lines) {
        const { Action, Actor, timeNano } = JSON.parse(line);
        this.#seen.push({ action: Action, attributes: Actor.Attributes ?? {}, at: timeNano / 1e6 });
      }
      this.#arrivals.emit("some");
    });
  }
}

/** Time of the last event. */
export function lastOf(events: readonly EngineEvent[]): number {
  return Math.max(...events.map(({ at }) => at));
}
