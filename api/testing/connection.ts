/** An agent's end of the link: a real WebSocket to the worker, and the frames it received. */
import { exports } from "cloudflare:workers";
import { expect } from "vitest";
import { type ApiMessage, type Assign, PING, PONG, type Report } from "../../shared/protocol/protocol.ts";
import { done } from "../../shared/testing/reports.ts";

/** Parts by session and epoch, as an agent stores them on disk: they arrive once per epoch. */
export type Parts = Map<string, NonNullable<Assign["part"]>>;

/** Opens the WebSocket and does nothing with it. */
export async function dial(node: string, parts: Parts = new Map()): Promise<Connection> {
  const response = await askForLink(node);
  expect(response.status).toBe(101);
  return new Connection(response.webSocket!, parts);
}

/** The answer to an agent that dials. */
export function askForLink(node: string): Promise<Response> {
  return exports.default.fetch(`https://skein.test/v1/agents/connect?node=${node}`, {
    headers: { upgrade: "websocket" },
  });
}

/** Adds the remembered `part` to each frame except removals, as a real agent does. `received` has the frames as sent. */
export class Connection {
  /** Nonce of its challenge, once answered. */
  nonce = "";
  readonly closed: Promise<{ code: number; reason: string }>;
  /** Every frame as its text, the first one first; without pongs. */
  readonly received: string[] = [];
  readonly #socket: WebSocket;
  readonly #parts: Parts;
  #ponged = Promise.withResolvers<void>();
  readonly #frames: ApiMessage[] = [];
  readonly #waiting: { fits: (frame: ApiMessage) => boolean; resolve: (frame: ApiMessage) => void }[] = [];
  #follow: ((assign: Assign) => Report | undefined) | undefined;

  constructor(socket: WebSocket, parts: Parts) {
    this.#socket = socket;
    this.#parts = parts;
    this.closed = new Promise((resolve) => {
      socket.addEventListener("close", ({ code, reason }) => resolve({ code, reason }));
    });
    socket.addEventListener("message", ({ data }) => {
      if (data === PONG) return this.#ponged.resolve();
      this.received.push(data as string);
      this.#take(this.#completed(JSON.parse(data as string) as ApiMessage));
    });
    socket.accept();
  }

  send(message: unknown): void {
    this.#socket.send(
      typeof message === "string" || message instanceof ArrayBuffer ? message : JSON.stringify(message),
    );
  }

  /** Sends a ping and waits for its answer: what the API sent before has come by then. */
  async ping(): Promise<void> {
    this.#ponged = Promise.withResolvers();
    this.#socket.send(PING);
    await this.#ponged.promise;
  }

  close(code = 1000): void {
    this.#socket.close(code, "test");
  }

  /** Waits for a frame of that type that fits and that no earlier call returned. */
  next<T extends ApiMessage>(type: T["type"], also: (frame: T) => boolean = () => true): Promise<T> {
    const fits = (frame: ApiMessage) => frame.type === type && also(frame as T);
    const at = this.#frames.findIndex(fits);
    if (at >= 0) return Promise.resolve(this.#frames.splice(at, 1)[0] as T);
    return new Promise((resolve) => {
      this.#waiting.push({ fits, resolve: (frame) => resolve(frame as T) });
    });
  }

  /** Waits until the API asks for this phase. */
  asked(phase: Assign["phase"], session?: string): Promise<Assign> {
    return this.next<Assign>(
      "assign",
      (assign) => assign.phase === phase && (!session || assign.session === session),
    );
  }

  /** The frames of one type, as text. */
  texts(type: ApiMessage["type"]): string[] {
    return this.received.filter((text) => text.startsWith(`{"type":"${type}"`));
  }

  /** Frames that no call has returned yet, except joins and leaves: those come whenever there is work. */
  get unread(): readonly ApiMessage[] {
    return this.#frames.filter(({ type }) => type !== "nodes");
  }

  /** From now on reports each phase as done, unless `but` gives another report, or undefined for none. */
  follow(but: (assign: Assign, usual: Report) => Report | undefined = (_, usual) => usual): this {
    this.#follow = (assign) => but(assign, done(assign));
    for (const frame of this.#frames.splice(0)) this.#take(frame);
    return this;
  }

  #take(frame: ApiMessage): void {
    if (this.#follow) {
      for (const assign of assignsOf(frame)) {
        const report = this.#follow(assign);
        if (report) this.send(report);
      }
    }
    const at = this.#waiting.findIndex(({ fits }) => fits(frame));
    if (at >= 0) this.#waiting.splice(at, 1)[0]!.resolve(frame);
    else this.#frames.push(frame);
  }

  #completed(frame: ApiMessage): ApiMessage {
    if (frame.type === "assign") return this.#withPart(frame);
    if (frame.type !== "welcome") return frame;
    return { ...frame, assignments: frame.assignments.map((assign) => this.#withPart(assign)) };
  }

  #withPart(assign: Assign): Assign {
    const key = `${assign.session} ${assign.epoch}`;
    if (assign.part) this.#parts.set(key, assign.part);
    const part = assign.phase === "removed" ? undefined : this.#parts.get(key);
    return part ? { ...assign, part } : assign;
  }
}

function assignsOf(frame: ApiMessage): Assign[] {
  if (frame.type === "welcome") return frame.assignments;
  return frame.type === "assign" ? [frame] : [];
}
