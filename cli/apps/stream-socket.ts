/** A stream to a port of a container, as Node's HTTP client takes a connection. */
import { Duplex } from "node:stream";
import { type Piece, type RemoteStream, StreamBroken } from "../../sdk/index.ts";

/** It ends in both directions together, as an HTTP connection does. */
export class StreamSocket extends Duplex {
  readonly #stream: RemoteStream;
  readonly #pieces: AsyncGenerator<Piece>;

  constructor(stream: RemoteStream) {
    super({ allowHalfOpen: false });
    this.#stream = stream;
    this.#pieces = stream.output();
    // Also while nobody reads: a kept connection that is over must not be used again.
    void stream.result.then((result) => {
      if (result.code !== "done" && result.code !== "client_gone")
        this.destroy(new StreamBroken(result.code, result.reason));
    });
  }

  override _read(): void {
    this.#pieces.next().then(
      ({ value }) => this.push(value?.bytes ?? null),
      (error: Error) => this.destroy(error),
    );
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error) => void): void {
    this.#stream.write(chunk).then(() => done(), done);
  }

  override _final(done: () => void): void {
    this.#stream.end();
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#stream.close("the local connection is closed");
    done(error);
  }

  // What Node's agent does with a socket of the system. A stream has pings of its own, and ends by itself.
  setKeepAlive(): this {
    return this;
  }
  setNoDelay(): this {
    return this;
  }
  setTimeout(): this {
    return this;
  }
  ref(): this {
    return this;
  }
  unref(): this {
    return this;
  }
}
