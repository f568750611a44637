/** What an agent must do with each frame of a tunnel, by docs/streams.md alone: the fuzz run compares it with what the agent does. */
import { CLOSE, PONG } from "../../shared/protocol/protocol.ts";
import { FRAME_COST, TUNNEL_STREAMS } from "../../shared/streams/credit.ts";
import { CONTROL_BYTES, FRAME_BYTES } from "../../shared/streams/frames.ts";
import { type Open, ToAgent } from "../../shared/streams/stream-messages.ts";
import { PORTS, type To, type TunnelConversation, type TunnelStep } from "./tunnel-frames.ts";

/** Resizes and signals that a stream keeps for a command that does not take them yet. */
const MOST_EARLY = 64;

type Kind = keyof typeof PORTS | "exec";

interface LiveStream {
  number: number;
  kind: Kind;
  /** Bytes of the window that the API has left for what it sends. */
  left: number;
  window: number;
  early: number;
  inputEnded: boolean;
}

export class TunnelModel {
  /** Close codes of which the tunnel must have one, once it is over. */
  over: number[] | undefined;
  /** By stream: messages that the agent must send, `credit` aside. */
  readonly said = new Map<number, string[]>();
  /** By stream: bytes that it must send back. */
  readonly echoed = new Map<number, number>();
  /** Streams that ended before all had come back. */
  readonly partly = new Set<number>();
  live: LiveStream[] = [];
  #ended = 0;
  #last = 0;

  constructor({ first }: TunnelConversation) {
    if (first === undefined) return;
    const isOther = typeof first === "string" && first.includes("flt_other");
    this.over = [isOther ? CLOSE.unknownNode.code : CLOSE.badMessage.code];
  }

  /** The number that a step's frames have; undefined: there is no such stream, or what comes then is not foreseeable. */
  numberOf(step: TunnelStep): number | undefined {
    if ("raw" in step) return 0;
    if ("open" in step) return this.#last + { next: 1, skipping: 7, again: 0 }[step.open];
    if (step.to === "never") return this.#last + 1;
    if (step.to === "ended") return this.#ended > 0 ? this.#ended : undefined;
    const stream = this.#live(step.to);
    if (!stream) return undefined;
    const reads = stream.kind === "exec" || stream.kind === "echoes";
    // How fast such a stream consumes is its own affair: it is sent no more than it has granted, and only grants that are due.
    if ("channel" in step && reads && step.channel === 0 && stream.left < step.size + FRAME_COST)
      return undefined;
    return reads && stream.kind === "echoes" && "text" in step && step.text.includes('"credit"')
      ? undefined
      : stream.number;
  }

  /** A `credit` message of the agent. */
  granted(number: number, bytes: number): string | undefined {
    const stream = this.live.find((each) => each.number === number);
    if (!stream) return undefined;
    stream.left += bytes;
    return stream.left > stream.window ? `stream ${number} granted more than it got` : undefined;
  }

  take(step: TunnelStep, number: number): void {
    if ("raw" in step) {
      // RFC 6455, 7.4.1: `ws` itself closes what is over the limit.
      const codes = step.raw.length > 2 ** 25 ? [1009, 1006] : [CLOSE.badMessage.code];
      if (step.raw !== PONG) this.over = codes;
    } else if ("channel" in step) this.#data(step, number);
    else {
      const message = Buffer.byteLength(step.text) > CONTROL_BYTES ? undefined : messageIn(step.text);
      if (!message) this.over = [CLOSE.badMessage.code];
      else if (message.type === "open") this.#open(number, message);
      else this.#control(number, message);
    }
  }

  #data({ to, channel, size }: { to: To; channel: number; size: number }, number: number): void {
    const stream = this.live.find((each) => each.number === number);
    if (channel !== 0 || size > FRAME_BYTES || to === "never") this.over = [CLOSE.badMessage.code];
    else if (!stream) return;
    else if (stream.left < size + FRAME_COST) this.#closed(stream, "over_credit");
    else if (stream.inputEnded) this.#closed(stream, "bad_frame");
    else {
      stream.left -= size + FRAME_COST;
      if (stream.kind === "echoes") this.echoed.set(number, this.echoed.get(number)! + size);
    }
  }

  #open(number: number, open: Open): void {
    if (number <= this.#last) {
      this.over = [CLOSE.badMessage.code];
      return;
    }
    this.#last = number;
    const kind = kindOf(open);
    const { window } = open;
    const stream: LiveStream = { number, kind, window, left: window, early: 0, inputEnded: false };
    this.said.set(number, []);
    this.echoed.set(number, 0);
    const isFull = this.live.length >= TUNNEL_STREAMS;
    this.live.push(stream);
    if (isFull) this.#closed(stream, "too_many_streams");
    else if (kind === "refuses") this.#closed(stream, "refused");
    else if (kind === "breaks") this.#closed(stream, "failed");
    else if (kind !== "late") this.said.get(number)!.push("opened");
  }

  #control(number: number, message: Exclude<ToAgent, Open>): void {
    const stream = this.live.find((each) => each.number === number);
    if (!stream) return;
    if (message.type === "close") this.#gone(stream);
    else if (message.type === "credit") this.#closed(stream, "over_credit");
    else if (message.type === "end") this.#inputEnded(stream);
    else if (stream.kind !== "exec" && ++stream.early > MOST_EARLY) this.#closed(stream, "bad_frame");
  }

  #inputEnded(stream: LiveStream): void {
    const said = this.said.get(stream.number)!;
    if (stream.kind === "echoes") said.push("end");
    if (stream.kind === "exec") said.push("exit");
    if (stream.kind === "exec" || stream.kind === "echoes") this.#closed(stream, "done", false);
    // The others read nothing, so it is no news to them.
    stream.inputEnded = true;
  }

  #closed(stream: LiveStream, code: string, isEarly = true): void {
    this.said.get(stream.number)!.push(`close ${code}`);
    this.#gone(stream, isEarly);
  }

  #gone(stream: LiveStream, isEarly = true): void {
    if (isEarly) this.partly.add(stream.number);
    this.live = this.live.filter((each) => each !== stream);
    this.#ended = stream.number;
  }

  #live(at: number): LiveStream | undefined {
    return this.live[at % this.live.length];
  }
}

function kindOf(open: Open): Kind {
  if (open.kind === "exec") return "exec";
  const port = open.kind === "port" ? open.port : PORTS.holds;
  const found = Object.entries(PORTS).find(([, number]) => number === port);
  return (found?.[0] ?? "holds") as Kind;
}

function messageIn(text: string): ToAgent | undefined {
  try {
    return ToAgent.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
