/**
 * Follows event streams. A connection that breaks, or says nothing for 30 s, is made again, and the stream goes on after the last event: no gap,
 * no repeat.
 */
import type { ContainerChanged, SessionChanged } from "./generated/types.gen.ts";
import { type Block, blocksOf } from "./server-sent-events.ts";

/** `id` is what `after` takes; progress has none, since it is not kept. */
export type SkeinEvent =
  | ({ event: "session"; id: string } & SessionChanged)
  | ({ event: "container"; id: string } & ContainerChanged)
  | ({ event: "progress"; id: null } & ContainerChanged);

export interface FollowOptions {
  /** Id or name of a session; without it: all sessions of the token's project. */
  session?: string;
  /** Begin after the event of this id, instead of with the oldest that is kept. */
  after?: string;
  /** Without `after`: begin with the last so many; 0: with what comes from now on. */
  tail?: number;
  /** Ends the iteration, without an error. */
  signal?: AbortSignal;
  /** Called at each connection, and with the reason when one was lost or cannot be made; not again while it stays so. */
  onConnection?(connected: boolean, reason?: string): void;
}

/** Asks for the stream after that event. Rejects as `fetch` does. */
export type Connect = (after: string | undefined, signal: AbortSignal) => Promise<Response>;

/** The API says something at least every 15 s. */
const SILENCE_MS = 30_000;
const FIRST_RETRY_MS = 250;
const LAST_RETRY_MS = 5000;

/** Statuses of an API, or of a proxy before it, that may be another in a moment. */
const PASSING: ReadonlySet<number> = new Set([408, 425, 429, 500, 502, 503, 504]);

/**
 * Events until the session's last one, or until `signal`. While the API cannot be reached it tries again, for as long as it takes.
 * @throws what `refused` makes of an answer that will stay as it is
 */
export async function* follow(
  connect: Connect,
  { after, signal, onConnection }: FollowOptions,
  refused: (response: Response) => Promise<Error>,
): AsyncGenerator<SkeinEvent, void, undefined> {
  let last = after;
  /** Connections in a row that brought nothing. */
  let failures = 0;
  let connected: boolean | undefined;
  const tell = (now: boolean, reason?: string) => {
    if (now || connected !== now) onConnection?.(now, reason);
    connected = now;
  };
  while (!signal?.aborted) {
    const connection = new Connection(signal);
    let pause = 0;
    try {
      const response = await connection.open((of) => connect(last, of));
      if (response.status === 204) return;
      if (!response.ok) {
        const error = await refused(response);
        if (!PASSING.has(response.status)) throw new Final(error);
        pause = 1000 * (Number(response.headers.get("retry-after")) || 0);
        throw error;
      }
      tell(true);
      for await (const block of blocksOf(connection.chunks(response))) {
        failures = 0;
        last = block.id ?? last;
        if (block.data !== "") yield eventOf(block);
      }
      // Ended by the API: with the session's last event, or to be asked again.
    } catch (error) {
      if (signal?.aborted) return;
      if (error instanceof Final) throw error.cause;
      tell(false, connection.isSilent ? SILENT : reasonOf(error));
    } finally {
      connection.close();
    }
    pause = Math.max(pause, failures === 0 ? 0 : backoff(failures));
    failures += 1;
    await sleep(pause, signal);
  }
}

const SILENT = `nothing came for ${SILENCE_MS / 1000} s`;

/** An error that another try would meet again. */
class Final extends Error {
  constructor(cause: Error) {
    super(cause.message, { cause });
  }
}

/** One request, which is given up when nothing comes for too long. */
class Connection {
  isSilent = false;
  readonly #abort = new AbortController();
  readonly #signal: AbortSignal;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(signal: AbortSignal | undefined) {
    this.#signal = signal ? AbortSignal.any([signal, this.#abort.signal]) : this.#abort.signal;
  }

  async open(connect: (signal: AbortSignal) => Promise<Response>): Promise<Response> {
    this.#listen();
    return connect(this.#signal);
  }

  async *chunks({ body }: Response): AsyncGenerator<Uint8Array, void, undefined> {
    const reader = body!.getReader();
    for (;;) {
      this.#listen();
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#abort.abort();
  }

  #listen(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.isSilent = true;
      this.#abort.abort();
    }, SILENCE_MS);
  }
}

function eventOf({ id, event, data }: Block): SkeinEvent {
  return { event, id: id ?? null, ...JSON.parse(data) } as SkeinEvent;
}

function reasonOf(error: unknown): string {
  const { message, cause } = error as Error & { cause?: { code?: string; message?: string } };
  return cause?.code ?? cause?.message ?? message;
}

/** Full jitter: all who lost the same API come back one by one. */
function backoff(failures: number): number {
  const most = Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** failures);
  return most / 2 + (Math.random() * most) / 2;
}

function sleep(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(end, ms);
    function end() {
      clearTimeout(timer);
      signal?.removeEventListener("abort", end);
      resolve();
    }
    if (signal?.aborted) end();
    else signal?.addEventListener("abort", end);
  });
}
