/** What the API must do with each frame of a client and of an agent, by docs/streams.md alone: the fuzz run compares it with what comes out. */
import { PING, PONG } from "../../shared/protocol/protocol.ts";
import { FRAME_COST } from "../../shared/streams/credit.ts";
import type { StreamEnd } from "../../shared/streams/ends.ts";
import { CONTROL_BYTES, FRAME_BYTES } from "../../shared/streams/frames.ts";
import { ExecStart, FromAgent, FromClient } from "../../shared/streams/stream-messages.ts";
import type { AgentStep, ClientStep, Conversation } from "./stream-steps.ts";

/** RFC 6455, 7.4.1: workerd itself closes what is larger than 32 MiB. */
export const TOO_LARGE = 1009;
/** More in one conversation are too many; some hundred are not. */
const MESSAGES = 1000;

/** One direction of a stream. */
interface Way {
  /** Bytes of the window that the sender has left, and that the receiver may grant. */
  left: number;
  /** Granted, and not passed on yet: less than a quarter of the window. */
  collected: number;
}

export class StreamModel {
  readonly window: number;
  /** Lines that must come out at each end: texts, or `channel:size`. */
  readonly toAgent: string[] = [];
  readonly toClient: string[] = [];
  /** Once the stream is over: the code of the client's WebSocket. */
  socketCode: number | undefined;
  /** Once the tunnel is over: its close code. */
  tunnelCode: number | undefined;
  /** So many messages that only time tells how many of them are passed on. */
  flooded = false;
  readonly #up: Way;
  readonly #down: Way;
  readonly #heard = new Set<string>();
  #started = false;
  #messages = 0;

  constructor(kind: Conversation["kind"], port: number, window: number) {
    this.window = window;
    this.#up = { left: window, collected: 0 };
    this.#down = { left: window, collected: 0 };
    if (kind === "port") this.#open({ kind, host: "main1", port });
  }

  get over(): boolean {
    return this.socketCode !== undefined;
  }

  /** What a `credit` step says: `all` is what was received and not granted yet. */
  credit(step: { by: "client" | "agent"; credit: number | "all" }): string {
    const way = step.by === "client" ? this.#down : this.#up;
    const bytes = step.credit === "all" ? this.window - way.left : step.credit;
    return JSON.stringify({ type: "credit", bytes });
  }

  /** `text`: what was sent, if it was text. */
  client(step: ClientStep, text: string | undefined): void {
    if ("act" in step) this.#gone(step.act === "close" ? 1000 : 1006);
    else if ("as" in step && step.as === "huge") this.#gone(TOO_LARGE);
    else if (text === undefined) this.#clientData(step);
    else if (text === PING) this.#message(PONG, this.toClient);
    else if ("as" in step || text.length > CONTROL_BYTES) this.#end("bad_frame");
    else this.#clientMessage(jsonIn(text));
  }

  #clientData(step: ClientStep): void {
    const fits = "channel" in step && step.channel === 0 && step.size <= FRAME_BYTES;
    if (!fits || !this.#started) this.#end("bad_frame");
    else if (spend(this.#up, step.size)) this.toAgent.push(`0:${step.size}`);
    else this.#end("over_credit");
  }

  #clientMessage(json: unknown): void {
    if (!this.#started) {
      const start = ExecStart.safeParse(json).data;
      if (start) this.#open({ kind: "exec", host: "main1", start });
      else this.#end("bad_frame");
      return;
    }
    const message = FromClient.safeParse(json).data;
    if (!message) this.#end("bad_frame");
    else if (message.type === "close") this.#end("client_gone");
    else if (message.type === "credit") this.#grant(this.#down, message.bytes, this.toAgent);
    else this.#message(sorted(message), this.toAgent);
  }

  #message(line: string, out: string[]): void {
    this.flooded = ++this.#messages > MESSAGES;
    if (this.flooded) this.#end("bad_frame");
    else out.push(line);
  }

  /** `text`: what was sent on a stream's control channel. */
  agent(step: AgentStep, text: string | undefined): void {
    if ("act" in step) this.#broken(step.act === "close" ? 1000 : 1006);
    else if ("as" in step) this.#broken(TOO_LARGE);
    else if (!("raw" in step)) this.#agentFrame(step, text);
    else if (step.raw !== PING) this.#broken(4000);
  }

  #agentFrame(step: AgentStep, text: string | undefined): void {
    const message = text === undefined ? undefined : FromAgent.safeParse(jsonIn(text)).data;
    const isFrame =
      text === undefined
        ? "channel" in step && [1, 2].includes(step.channel) && step.size <= FRAME_BYTES
        : message && Buffer.byteLength(text) <= CONTROL_BYTES;
    const isKnown = step.to === "ended" || (step.to === "own" && this.#started);
    if (!isFrame || !isKnown) this.#broken(4000);
    else if (step.to === "own") this.#agentSays(step, message);
  }

  #agentSays(step: AgentStep, message: FromAgent | undefined): void {
    const { type = "data" } = message ?? {};
    const isInTime = !this.#heard.has(type) && (type === "opened") !== this.#heard.has("opened");
    if (message?.type === "close") this.#closed(message.code, message.reason);
    else if (message?.type === "credit") this.#grant(this.#up, message.bytes, this.toClient);
    else if (!isInTime) this.#end("bad_frame");
    else if (message) {
      this.#heard.add(type);
      this.toClient.push(sorted(message));
    } else if ("channel" in step) {
      if (this.#heard.has("end")) this.#end("bad_frame");
      else if (spend(this.#down, step.size)) this.toClient.push(`${step.channel}:${step.size}`);
      else this.#end("over_credit");
    }
  }

  /** Whether a WebSocket may have closed so: what a peer sends on to a closed connection may reset it before the close frame is read. */
  static isCode(is: number | undefined, must: number | undefined): boolean {
    return is === must || (must === TOO_LARGE && is === 1006);
  }

  #open(opening: object): void {
    const open = { type: "open", window: this.window, ...opening };
    this.#started = Buffer.byteLength(JSON.stringify(open)) <= CONTROL_BYTES;
    if (this.#started) this.toAgent.push(sorted(open));
    else this.#end("bad_frame");
  }

  #grant(way: Way, bytes: number, out: string[]): void {
    if (bytes > this.window - way.left) {
      this.#end("over_credit");
      return;
    }
    way.left += bytes;
    way.collected += bytes;
    if (way.collected < this.window / 4) return;
    out.push(sorted({ type: "credit", bytes: way.collected }));
    way.collected = 0;
  }

  /** Either side's mistake, or the client's leave: both hear of it. */
  #end(code: StreamEnd): void {
    if (this.#started) this.toAgent.push(closeLine(code));
    this.#closed(code);
  }

  /** The client hears of it. */
  #closed(code: StreamEnd, reason?: string): void {
    this.toClient.push(closeLine(code, reason));
    this.socketCode = code === "done" ? 1000 : code === "bad_frame" ? 4000 : 4100;
  }

  /** The client's connection is over. */
  #gone(socketCode: number): void {
    if (this.#started) this.toAgent.push(closeLine("client_gone"));
    this.socketCode = socketCode;
  }

  #broken(tunnelCode: number): void {
    this.tunnelCode = tunnelCode;
    this.#closed("node_disconnected");
  }
}

function spend(way: Way, size: number): boolean {
  if (way.left < size + FRAME_COST) return false;
  way.left -= size + FRAME_COST;
  return true;
}

/** Only an agent's reason is passed on word for word; the API's own are for people. */
export function closeLine(code: string, reason?: string): string {
  return reason === undefined ? `close ${code}` : `close ${code} ${JSON.stringify(reason)}`;
}

function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** JSON with its keys in order, so that it can be compared. */
export function sorted(value: unknown): string {
  return JSON.stringify(value, (_, each: unknown) =>
    typeof each === "object" && each !== null && !Array.isArray(each)
      ? Object.fromEntries(Object.entries(each).sort(([a], [b]) => (a < b ? -1 : 1)))
      : each,
  );
}
