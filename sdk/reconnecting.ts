/** Streams over HTTP that go on after a broken connection: one that breaks, or says nothing for 25 s, is made again. */
import { fetchFailure } from "./fetch-failure.ts";

/** The API says something at least every 15 s. */
const SILENCE_MS = 25_000;
const FIRST_RETRY_MS = 250;
const LAST_RETRY_MS = 5000;

/** Statuses of an API, or of a proxy before it, that may be another in a moment. */
const PASSING: ReadonlySet<number> = new Set([408, 425, 429, 500, 502, 503, 504]);

/** What a caller hears of its connection. */
export interface ConnectionOptions {
  /** Ends the iteration, without an error. */
  signal?: AbortSignal;
  /** Called at each connection, and with the reason when one was lost or cannot be made; not again while it stays so. */
  onConnection?(connected: boolean, reason?: string): void;
}

export interface Stream<T> {
  /** Asks for the stream behind what has come. Rejects as `fetch` does. */
  connect(signal: AbortSignal): Promise<Response>;
  /** Items of a body; undefined: a sign of life. */
  read(chunks: AsyncIterable<Uint8Array>): AsyncIterable<T | undefined>;
  /** Whether the stream is over once a body has ended; if not, it is asked for again. */
  endsWithBody: boolean;
  /** The API's refusal as an error. */
  refused(response: Response): Promise<Error>;
}

/**
 * Items until the stream's end (also 204), or until `signal`. While the API cannot be reached it tries again, for as long as it takes.
 * @throws what `refused` makes of an answer that will stay as it is
 */
export async function* reconnecting<T>(
  { connect, read, endsWithBody, refused }: Stream<T>,
  { signal, onConnection }: ConnectionOptions,
): AsyncGenerator<T, void, undefined> {
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
      const response = await connection.open(connect);
      if (response.status === 204) return;
      if (!response.ok) {
        const error = await refused(response);
        if (!PASSING.has(response.status)) throw new Final(error);
        pause = 1000 * (Number(response.headers.get("retry-after")) || 0);
        throw error;
      }
      tell(true);
      for await (const item of read(connection.chunks(response))) {
        failures = 0;
        if (item !== undefined) yield item;
      }
      if (endsWithBody) return;
    } catch (error) {
      if (signal?.aborted) return;
      if (error instanceof Final) throw error.cause;
      tell(false, connection.isSilent ? SILENT : fetchFailure(error));
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
