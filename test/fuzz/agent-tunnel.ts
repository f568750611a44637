/**
 * The fuzz run over tunnels, to the agent: an API that sends anything, and the agent's tunnels with streams of the run's own. The run
 * predicts what the agent answers on each stream, and how the tunnel ends. A stream of another session goes on.
 */
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import fc from "fast-check";
import { type WebSocket, WebSocketServer } from "ws";
import { makeLog } from "../../agent/log.ts";
import { type Serve, type Stream, StreamFailure } from "../../agent/streams/stream.ts";
import { Tunnels } from "../../agent/streams/tunnels.ts";
import { PING, PONG } from "../../shared/protocol/protocol.ts";
import { CHANNEL, type Channel, decodeFrame, encodeFrame } from "../../shared/streams/frames.ts";
import type { FromAgent, Open } from "../../shared/streams/stream-messages.ts";
import { echo } from "./echo.ts";
import { PORTS, type TunnelConversation, type TunnelStep, tunnelConversation } from "./tunnel-frames.ts";
import { TunnelModel } from "./tunnel-verdict.ts";
import { PATIENCE_MS, within } from "./within.ts";

export interface Figures {
  seed: number;
  frames: number;
  conversations: number;
  streams: number;
  /** How tunnels ended, by close code. */
  closes: Record<string, number>;
  /** Bytes that another session's stream has echoed. */
  echoed: number;
  faults: string[];
}

const CHUNK = 50;
const FLEET = "flt_fuzz";
const CHALLENGE = JSON.stringify({ type: "challenge", fleet: FLEET, nonce: "n" });
/** Ends a conversation of right frames: it is no message. */
const LAST: TunnelStep = { raw: "{" };

/** Sends `count` frames, the same ones for the same seed. */
export async function fuzzAgentTunnel(seed: number, count: number): Promise<Figures> {
  const figures: Figures = {
    ...{ seed, frames: 0, conversations: 0, streams: 0, closes: {}, echoed: 0, faults: [] },
  };
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0 });
  await once(server, "listening");
  const run = new TunnelFuzz(server, figures);
  try {
    await run.begin();
    for (let chunk = 0; figures.frames < count; chunk++) {
      for (const each of fc.sample(tunnelConversation, { seed: seed + chunk * 1_000_003, numRuns: CHUNK })) {
        if (figures.frames >= count) break;
        await run.converse(each);
      }
    }
  } finally {
    await run.end();
    server.close();
  }
  return figures;
}

class TunnelFuzz {
  readonly #figures: Figures;
  readonly #leaving = new AbortController();
  readonly #tunnels: Tunnels;
  readonly #dialled = new Map<string, WebSocket[]>();
  #arrived = Promise.withResolvers<void>();
  /** Streams that are being served, of the fuzzed session. */
  #serving = 0;
  #other!: WebSocket;
  #otherGot = 0;

  constructor(server: WebSocketServer, figures: Figures) {
    this.#figures = figures;
    server.on("connection", (socket, request) => {
      const session = new URL(request.url!, "http://api").searchParams.get("session")!;
      this.#dialled.set(session, [...(this.#dialled.get(session) ?? []), socket]);
      this.#wake();
    });
    this.#tunnels = new Tunnels(
      {
        api: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
        ...{ fleet: FLEET, node: "node_1" },
        sign: (text) => text,
        serverOf: (session) => (session === "other" ? echo : (stream, open) => this.#serve(stream, open)),
        log: makeLog(() => {}),
      },
      this.#leaving.signal,
    );
  }

  /** Opens the other session's stream. */
  async begin(): Promise<void> {
    this.#tunnels.want("other");
    this.#other = await this.#connection("other");
    this.#other.send(CHALLENGE);
    this.#other.on("message", (data: Buffer, isBinary) => {
      const frame = isBinary ? decodeFrame(data)! : undefined;
      if (frame?.channel === CHANNEL.output) {
        this.#otherGot += frame.payload.length;
        const credit = { type: "credit", bytes: frame.payload.length + 256 };
        send(this.#other, 1, CHANNEL.control, Buffer.from(JSON.stringify(credit)));
      }
      this.#wake();
    });
    const open = { type: "open", kind: "port", window: 2 ** 20, host: "main1", port: PORTS.echoes };
    send(this.#other, 1, CHANNEL.control, Buffer.from(JSON.stringify(open)));
  }

  /** One tunnel to its end. */
  async converse(each: TunnelConversation): Promise<void> {
    this.#figures.conversations++;
    const fault = (what: string) => {
      const said = each.steps.map((step) => JSON.stringify(step).slice(0, 200)).join("\n    ");
      this.#figures.faults.push(`${what}\n  ${each.first ?? ""}\n    ${said}`);
    };
    this.#tunnels.want("fuzz");
    const socket = await within(this.#connection("fuzz"));
    if (!socket) {
      fault("the agent did not dial again");
      return;
    }
    const model = new TunnelModel(each);
    const closed = new Promise<number>((resolve) => socket.on("close", resolve));
    const heard = new Map<number, { said: string[]; bytes: number }>();
    socket.on("message", (data: Buffer, isBinary) => {
      if (!isBinary && String(data) === PING) socket.send(PONG);
      if (isBinary) hear(decodeFrame(data)!, heard, model, fault);
      this.#wake();
    });
    socket.send(each.first ?? CHALLENGE);
    if (each.first === undefined) await within(once(socket, "message"));
    for (const step of [...each.steps, LAST]) {
      if (model.over) break;
      for (let times = step.times ?? 1; times > 0 && !model.over; times--) {
        const number = model.numberOf(step);
        if (number === undefined) break;
        // What is still under way decides what the agent makes of these.
        const needsCalm = step === LAST || ("to" in step && step.to === "ended") || (step.times ?? 1) > 200;
        const isCalm = () => differences(model, heard) === "" && this.#serving === model.live.length;
        if (needsCalm && times === (step.times ?? 1) && !(await this.#until(isCalm)))
          fault(
            `${this.#serving} streams are served, not ${model.live.length}; ${differences(model, heard)}`,
          );
        this.#figures.frames++;
        model.take(step, number);
        if ("raw" in step) socket.send(step.raw, () => {});
        else if ("channel" in step) send(socket, number, step.channel as Channel, Buffer.alloc(step.size));
        else send(socket, number, CHANNEL.control, Buffer.from(step.text));
      }
    }
    const code = await within(closed);
    this.#figures.closes[String(code)] = (this.#figures.closes[String(code)] ?? 0) + 1;
    this.#figures.streams += model.said.size;
    if (!model.over?.includes(code ?? 0)) fault(`closed with ${code}, not with ${model.over}`);
    // What was under way when the tunnel ended is lost.
    if (!isPart(model, heard)) fault(differences(model, heard));
    if (!(await this.#until(() => this.#serving === 0))) fault(`${this.#serving} streams are served still`);
    await this.#echo(fault);
  }

  async #echo(fault: (what: string) => void): Promise<void> {
    const before = this.#otherGot;
    send(this.#other, 1, CHANNEL.input, Buffer.alloc(1000));
    if (!(await this.#until(() => this.#otherGot === before + 1000)))
      fault(`another session's stream echoed ${this.#otherGot - before} bytes of 1000`);
    this.#figures.echoed += 1000;
  }

  async #serve(stream: Stream, open: Open): Promise<void> {
    this.#serving++;
    try {
      await serveFuzzed(stream, open);
    } finally {
      this.#serving--;
      this.#wake();
    }
  }

  async #connection(session: string): Promise<WebSocket> {
    await this.#until(() => (this.#dialled.get(session)?.length ?? 0) > 0);
    return this.#dialled.get(session)!.shift()!;
  }

  /** False if it took too long. */
  async #until(condition: () => boolean): Promise<boolean> {
    const until = Date.now() + PATIENCE_MS;
    while (!condition()) {
      if (Date.now() > until) return false;
      await Promise.race([this.#arrived.promise, pause(1000)]);
    }
    return true;
  }

  #wake(): void {
    this.#arrived.resolve();
    this.#arrived = Promise.withResolvers();
  }

  async end(): Promise<void> {
    this.#leaving.abort();
    await this.#tunnels.closed();
  }
}

/** What a container of the run does, by port. */
const serveFuzzed: Serve<Open> = async function serveFuzzedStream(stream, open) {
  const port = open.kind === "port" ? open.port : PORTS.holds;
  if (open.kind === "port" && port === PORTS.echoes) return await echo(stream, open);
  if (port === PORTS.refuses && open.kind === "port") throw new StreamFailure("refused", "nobody listens");
  if (port === PORTS.breaks && open.kind === "port") throw new Error("broken");
  if (port !== PORTS.late || open.kind !== "port") stream.opened();
  if (open.kind === "exec") {
    stream.onControl(() => {});
    for await (const _ of stream.input) void _;
    stream.exit(0);
  } else if (!stream.signal.aborted) await once(stream.signal, "abort");
};

type Heard = Map<number, { said: string[]; bytes: number }>;

function hear(
  { stream, channel, payload }: { stream: number; channel: Channel; payload: Uint8Array },
  heard: Heard,
  model: TunnelModel,
  fault: (what: string) => void,
): void {
  const entry = heard.get(stream) ?? { said: [], bytes: 0 };
  heard.set(stream, entry);
  if (channel !== CHANNEL.control) {
    entry.bytes += payload.length;
    return;
  }
  const message = JSON.parse(Buffer.from(payload).toString()) as FromAgent;
  if (message.type === "credit") {
    const wrong = model.granted(stream, message.bytes);
    if (wrong) fault(wrong);
  } else entry.said.push(message.type === "close" ? `close ${message.code}` : message.type);
}

/** "": the agent has said and echoed all that it must, and nothing else. */
function differences(model: TunnelModel, heard: Heard): string {
  for (const [number, must] of model.said) {
    const { said, bytes } = heard.get(number) ?? { said: [], bytes: 0 };
    if (said.join() !== must.join()) return `on stream ${number} the agent said ${said}, not ${must}`;
    const echoed = model.echoed.get(number)!;
    if (model.partly.has(number) ? bytes > echoed : bytes !== echoed)
      return `on stream ${number} ${bytes} bytes came back, not ${echoed}`;
  }
  const strange = [...heard.keys()].filter((number) => !model.said.has(number));
  return strange.length > 0 ? `the agent spoke on streams ${strange}` : "";
}

/** Nothing was said that must not be. */
function isPart(model: TunnelModel, heard: Heard): boolean {
  return [...heard].every(([number, { said, bytes }]) => {
    const must = model.said.get(number);
    return must?.join().startsWith(said.join()) && bytes <= model.echoed.get(number)!;
  });
}

function send(socket: WebSocket, stream: number, channel: Channel, payload: Uint8Array): void {
  socket.send(encodeFrame(stream, channel, payload), () => {});
}
