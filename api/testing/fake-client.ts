/** A client's WebSocket: one stream, as docs/streams.md has it. */
import { env, exports } from "cloudflare:workers";
import type { Problem } from "../../shared/errors/errors.ts";
import type { FromAgent } from "../../shared/streams/stream-messages.ts";

type Message = Exclude<FromAgent, { type: "credit" }> | { type: "credit"; bytes: number };

export class FakeClient {
  /** What came on stdout and stderr. */
  readonly out = ["", ""];
  /** The last message. */
  readonly closed: Promise<{ code: string; reason: string; socketCode: number }>;
  bytes = 0;
  readonly #socket: WebSocket;
  readonly #messages: Message[] = [];
  #arrived = Promise.withResolvers<void>();

  constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.accept();
    socket.binaryType = "arraybuffer";
    const decoder = new TextDecoder();
    let close = { code: "", reason: "" };
    socket.addEventListener("message", ({ data }) => {
      if (data === "pong") return;
      if (typeof data === "string") {
        const message = JSON.parse(data) as Message;
        if (message.type === "close") close = message;
        this.#messages.push(message);
      } else {
        const frame = new Uint8Array(data);
        this.bytes += frame.length - 1;
        this.out[frame[0] === 2 ? 1 : 0] += decoder.decode(frame.subarray(1));
      }
      this.#arrived.resolve();
      this.#arrived = Promise.withResolvers();
    });
    this.closed = new Promise((resolve) =>
      socket.addEventListener("close", ({ code: socketCode }) => resolve({ ...close, socketCode })),
    );
  }

  static async open(path: string, headers: Record<string, string> = {}): Promise<FakeClient> {
    const response = await dialStream(path, headers);
    if (response.status !== 101) throw new Error(JSON.stringify(await response.json()));
    return new FakeClient(response.webSocket!);
  }

  async next(type: Message["type"]): Promise<Message> {
    while (true) {
      const at = this.#messages.findIndex((message) => message.type === type);
      if (at >= 0) return this.#messages.splice(at, 1)[0]!;
      await this.#arrived.promise;
    }
  }

  /** Waits until that much output has come. */
  async received(bytes: number): Promise<void> {
    while (this.bytes < bytes) await this.#arrived.promise;
  }

  say(message: object): void {
    this.#socket.send(JSON.stringify(message));
  }

  raw(data: string | Uint8Array): void {
    this.#socket.send(data);
  }

  data(text: string | Uint8Array, channel = 0): void {
    const bytes = typeof text === "string" ? new TextEncoder().encode(text) : text;
    const frame = new Uint8Array(1 + bytes.length);
    frame[0] = channel;
    frame.set(bytes, 1);
    this.#socket.send(frame);
  }

  close(): void {
    this.#socket.close(1000, "test");
  }
}

/** As the admin, unless `headers` say otherwise. */
export function dialStream(path: string, headers: Record<string, string> = {}): Promise<Response> {
  return exports.default.fetch(`https://skein.test${path}`, {
    headers: { upgrade: "websocket", authorization: `Bearer ${env.SKEIN_ADMIN_TOKEN}`, ...headers },
  });
}

/** Status and code of a refusal. */
export async function refusal(response: Response): Promise<[number, string]> {
  return [response.status, ((await response.json()) as Problem).code];
}
