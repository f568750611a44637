/**
 * One stream into a container, over a standard WebSocket: a command, or a connection to a port. docs/streams.md has the frames. Works
 * wherever `WebSocket` does, in browsers, too.
 */

/** Why a stream ended: the API's codes, and two of our own. */
export interface StreamResult {
  /** `done`, or why it could not go on (docs/streams.md); `connection_lost`: the API is gone, or was silent for 25 s. */
  code: string;
  /** For people. */
  reason: string;
  /** The command's exit code, if it has ended; 128 + signal if a signal ended it. */
  exitCode?: number;
}

/** A piece of output. */
export interface Piece {
  from: "stdout" | "stderr";
  bytes: Uint8Array;
}

interface FromApi {
  type: string;
  window?: number;
  bytes?: number;
  code?: unknown;
  reason?: string;
}

const INPUT = 0;
const ERROR_CHANNEL = 2;
/** The API takes frames of so many bytes of data, at most. */
const FRAME_BYTES = 64 * 1024;
/** What a frame uses of its window besides its data. */
const FRAME_COST = 256;
const PING_MS = 10_000;
const SILENT_MS = 25_000;
/** How often silence is looked for: it is known within 30 s. */
const WATCH_MS = 2_000;

export class RemoteStream {
  /** Resolves when the command runs, or the connection stands; rejects if the stream ends before. */
  readonly opened: Promise<void>;
  /** Resolves when the stream is over; never rejects. */
  readonly result: Promise<StreamResult>;
  readonly #socket: WebSocket;
  readonly #open = Promise.withResolvers<void>();
  readonly #ended = Promise.withResolvers<StreamResult>();
  #pieces: Piece[] = [];
  #outputEnded = false;
  #exitCode: number | undefined;
  #over: StreamResult | undefined;
  #window = 0;
  /** Bytes of the window that are left for what is sent. */
  #credit = 0;
  /** Bytes of the window that were consumed and are not granted again yet. */
  #consumed = 0;
  #heardAt = Date.now();
  #pingedAt = Date.now();
  #wake = Promise.withResolvers<void>();
  readonly #watching: ReturnType<typeof setInterval>;

  /** `socket` is open already. `start`: the first frame, if its kind has one. */
  constructor(socket: WebSocket, start?: object) {
    this.#socket = socket;
    this.opened = this.#open.promise;
    this.opened.catch(() => {});
    this.result = this.#ended.promise;
    socket.binaryType = "arraybuffer";
    socket.addEventListener("message", ({ data }) => {
      this.#heardAt = Date.now();
      if (typeof data === "string") this.#message(data);
      else this.#data(new Uint8Array(data as ArrayBuffer));
    });
    // `close` follows. Some libraries throw an error that nobody hears.
    socket.addEventListener("error", () => {});
    socket.addEventListener("close", () =>
      this.#end({ code: "connection_lost", reason: "the connection to the API broke" }),
    );
    this.#watching = setInterval(() => this.#watch(), WATCH_MS);
    if (start) socket.send(JSON.stringify(start));
  }

  /** What comes from the container, in order. A piece counts as consumed when the next one is asked for: that grants new credit. */
  async *output(): AsyncGenerator<Piece> {
    while (true) {
      const piece = this.#pieces.shift();
      if (piece) {
        yield piece;
        this.#grant(piece.bytes.length + FRAME_COST);
      } else if (this.#outputEnded || this.#over) return;
      else await this.#wake.promise;
    }
  }

  /** Sends bytes as the credit allows: waits while the container does not read. Does nothing once the stream is over. */
  async write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length && !this.#over; ) {
      const size = Math.min(FRAME_BYTES, this.#credit - FRAME_COST, bytes.length - at);
      if (size <= 0) await this.#wake.promise;
      else {
        const frame = new Uint8Array(1 + size);
        frame[0] = INPUT;
        frame.set(bytes.subarray(at, at + size), 1);
        this.#socket.send(frame);
        this.#credit -= size + FRAME_COST;
        at += size;
      }
    }
  }

  /** No more bytes follow: end of file for the container. Its output goes on. */
  end(): void {
    this.#send({ type: "end" });
  }

  resize(cols: number, rows: number): void {
    this.#send({ type: "resize", cols, rows });
  }

  /** To the command's process group: `INT`, `TERM`, … (docs/streams.md). */
  signal(name: string): void {
    this.#send({ type: "signal", name });
  }

  /** Leaves. A command that still runs gets SIGHUP, and SIGKILL after 10 s. */
  close(reason = "the client left"): void {
    this.#send({ type: "close", code: "client_gone", reason });
    this.#end({ code: "client_gone", reason });
    this.#socket.close();
  }

  #watch(): void {
    const now = Date.now();
    if (now - this.#heardAt > SILENT_MS) {
      const reason = `nothing was heard from the API for ${SILENT_MS / 1000} s`;
      this.#end({ code: "connection_lost", reason });
      this.#socket.close();
    } else if (now - this.#pingedAt >= PING_MS) {
      this.#pingedAt = now;
      this.#socket.send("ping");
    }
  }

  #message(text: string): void {
    if (text === "pong") return;
    const message = JSON.parse(text) as FromApi;
    if (message.type === "opened") {
      this.#window = message.window!;
      this.#credit = this.#window;
      this.#open.resolve();
      this.#awake();
    } else if (message.type === "credit") {
      this.#credit += message.bytes!;
      this.#awake();
    } else if (message.type === "exit") this.#exitCode = message.code as number;
    else if (message.type === "end") {
      this.#outputEnded = true;
      this.#awake();
    } else if (message.type === "close") {
      this.#end({ code: message.code as string, reason: message.reason! });
      this.#socket.close();
    }
  }

  #data(frame: Uint8Array): void {
    this.#pieces.push({ from: frame[0] === ERROR_CHANNEL ? "stderr" : "stdout", bytes: frame.subarray(1) });
    this.#awake();
  }

  /** Not for each frame: a quarter of the window at a time. */
  #grant(bytes: number): void {
    this.#consumed += bytes;
    if (this.#consumed < this.#window / 4) return;
    this.#send({ type: "credit", bytes: this.#consumed });
    this.#consumed = 0;
  }

  #send(message: object): void {
    if (!this.#over && this.#socket.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  #end(how: StreamResult): void {
    if (this.#over) return;
    clearInterval(this.#watching);
    this.#over = this.#exitCode === undefined ? how : { ...how, exitCode: this.#exitCode };
    this.#open.reject(new Error(how.reason));
    this.#ended.resolve(this.#over);
    this.#awake();
  }

  /** Everybody who waits looks again. */
  #awake(): void {
    this.#wake.resolve();
    this.#wake = Promise.withResolvers<void>();
  }
}
