/** Clients of streams during the storm: they enter sessions of the load, stay a while, leave, and enter others. */
import { setTimeout as pause } from "node:timers/promises";
import { ApiProblem, type RemoteStream, type Session } from "../../sdk/index.ts";
import type { Cluster } from "../lab/cluster.ts";
import { Echo } from "./echo.ts";
import { ECHO_PORT, TALKER } from "./load.ts";
import type { Random } from "./random.ts";
import { type Reader, readEvents, readOutput } from "./readers.ts";

/** Clients at once, of commands and of ports each. */
const PLACES = 3;
/** Milliseconds that a client stays. */
const STAYS = [500, 12_000] as const;
/** Milliseconds until a dial is answered at the latest: the API waits so long for a tunnel, or notices that its agent is silent. */
const DIALLED = 30_000;
/** What the API may answer instead of a stream, or what stands for an API that does not answer. */
const REFUSALS: ReadonlySet<string> = new Set([
  ...["not_found", "not_running", "node_disconnected", "upgrade_required", "unavailable", "unreachable"],
]);

export interface StreamFigures {
  /** Streams of commands and ports, and lines through them. */
  streams: number;
  lines: number;
  /** Lines of output, and events, that readers followed. */
  output: number;
  events: number;
  /** How the streams ended, or why they were refused; by code. */
  ends: Record<string, number>;
}

export class Streams {
  readonly #cluster: Cluster;
  readonly #until: number;
  #isLeaving = false;
  readonly #stop = new AbortController();
  readonly #held = new Set<Echo>();
  readonly #output = new Map<string, Reader>();
  readonly #events = new Map<string, Reader>();
  readonly #jobs: Promise<unknown>[];
  readonly problems: string[] = [];
  readonly figures: StreamFigures = { streams: 0, lines: 0, output: 0, events: 0, ends: {} };

  /** `until`: when the faults end. Those who are in a stream then stay there, until `leave`; the others still enter one. */
  constructor(cluster: Cluster, randoms: (nth: number) => Random, until: number) {
    this.#cluster = cluster;
    this.#until = until;
    this.#events.set("", readEvents(cluster.skein, undefined, this.#stop.signal));
    this.#jobs = [
      this.#follow(),
      ...Array.from({ length: 2 * PLACES }, (_, nth) => this.#client(randoms(nth), nth % 2 === 0)),
    ];
  }

  /** When it is calm: what still stands goes on. Then all leave. */
  async leave(): Promise<void> {
    this.#isLeaving = true;
    await Promise.all(this.#jobs);
    await Promise.all([...this.#held].map((echo) => echo.proven()));
    await Promise.all([...this.#held].map((echo, nth) => this.#left(echo, nth % 2 === 0)));
  }

  /** Once all sessions are over: what readers have read is all there was. `limit`: milliseconds. */
  async readToEnd(limit: number): Promise<void> {
    const ends = [...this.#output, ...this.#events].filter(([id]) => id !== "");
    const late = pause(limit, undefined, { ref: false });
    for (const [id, reader] of ends) {
      const isOver = await Promise.race([reader.over.then(() => true), late.then(() => false)]);
      if (!isOver) this.problems.push(`a reader of ${id} does not end`);
    }
    this.#stop.abort();
    for (const [kind, readers] of [
      ["output", this.#output],
      ["events", this.#events],
    ] as const)
      for (const reader of readers.values()) {
        await reader.over;
        this.figures[kind] += reader.count();
        this.problems.push(...(await reader.problems()));
      }
  }

  /** Reads whatever the talking sessions print and tell, from soon after they run. */
  async #follow(): Promise<void> {
    const { skein } = this.#cluster;
    while (!this.#isLeaving) {
      for (const { id, name } of await this.#running()) {
        if (!name.startsWith(TALKER) || this.#output.has(id)) continue;
        this.#output.set(id, readOutput(skein, id, this.#stop.signal));
        this.#events.set(id, readEvents(skein, id, this.#stop.signal));
      }
      await pause(500);
    }
  }

  async #client(random: Random, isExec: boolean): Promise<void> {
    while (!this.#isLeaving) {
      const stays = random.between(...STAYS);
      const choice = random.between(0, 1_000_000);
      const isEnd = random.pick([true, false]);
      const sessions = (await this.#running()).filter(({ name }) => isExec || name.startsWith(TALKER));
      const containers = sessions.flatMap(({ id, containers }) =>
        containers.map(({ host }) => ({ id, host })),
      );
      if (containers.length === 0) {
        await pause(200);
        continue;
      }
      const { id, host } = containers[choice % containers.length]!;
      const what = `${isExec ? "exec" : "port"} in ${host} of ${id}`;
      const stream = await this.#dial(what, isExec, { session: id, host });
      if (!stream) {
        await pause(200);
        continue;
      }
      const echo = new Echo(what, stream);
      this.#held.add(echo);
      this.figures.streams++;
      await Promise.race([stream.result, pause(stays)]);
      while (!echo.result && Date.now() > this.#until && !this.#isLeaving) await pause(50);
      if (!this.#isLeaving) await this.#left(echo, isEnd);
    }
  }

  async #dial(what: string, isExec: boolean, to: { session: string; host: string }) {
    const { skein } = this.#cluster;
    const dialled = isExec ? skein.exec(to, { command: ["cat"] }) : skein.connect(to, ECHO_PORT);
    const late = pause(DIALLED, "late" as const, { ref: false });
    const answer: RemoteStream | string = await Promise.race([dialled, late]).catch((error: unknown) =>
      error instanceof ApiProblem ? error.problem.code : "unreachable",
    );
    if (typeof answer !== "string") return answer;
    this.#count(answer);
    if (!REFUSALS.has(answer)) this.problems.push(`${what}: the dial is ${answer}`);
    return undefined;
  }

  async #left(echo: Echo, isEnd: boolean): Promise<void> {
    await echo.leave(isEnd);
    this.#held.delete(echo);
    this.figures.lines += echo.lines;
    this.#count(echo.result?.code ?? "stuck");
    this.problems.push(...echo.problems());
  }

  #count(code: string): void {
    this.figures.ends[code] = (this.figures.ends[code] ?? 0) + 1;
  }

  /** Nothing while the API is away. */
  async #running(): Promise<Session[]> {
    const query = { status: ["running" as const], limit: 100 };
    const signal = AbortSignal.timeout(5_000);
    return await this.#cluster.skein.listSessions({ query, signal }).then(
      ({ items }) => items,
      () => [],
    );
  }
}
