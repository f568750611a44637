/** Connections to one port of a container for Node's HTTP client, which keeps and uses them again. */
import { Agent, type ClientRequestArgs } from "node:http";
import type { Duplex } from "node:stream";
import { type Container, StreamBroken, type Streams } from "../../sdk/index.ts";
import { StreamSocket } from "./stream-socket.ts";

export interface ConnectionsOptions {
  skein: Pick<Streams, "connect">;
  container: Container;
  port: number;
  /** Hears why a connection could not be made, or broke. */
  onBroken(error: Error): void;
}

export class StreamAgent extends Agent {
  readonly #options: ConnectionsOptions;

  constructor(options: ConnectionsOptions) {
    super({ keepAlive: true });
    this.#options = options;
  }

  override createConnection(
    _options: ClientRequestArgs,
    made: (error: Error | null, socket: Duplex) => void,
  ): undefined {
    this.#connect().then(
      (socket) => made(null, socket),
      (error: Error) => {
        this.#options.onBroken(error);
        made(error, undefined as unknown as Duplex);
      },
    );
  }

  /** @throws ApiProblem, TypeError */
  async #connect(): Promise<Duplex> {
    const { skein, container, port, onBroken } = this.#options;
    const socket = new StreamSocket(await skein.connect(container, port));
    return socket.on("error", (error) => {
      // Else the browser has left, or the app's answer cannot be understood: that one request fails.
      if (error instanceof StreamBroken) onBroken(error);
    });
  }
}
