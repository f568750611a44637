/**
 * The fuzz run over streams, to the API: a client and a container's agent hold conversations, each with frames right and wrong. The run
 * predicts what the API passes on, and how stream and tunnel end. Other streams of the same tunnel, and of another session, go on.
 */
import { setTimeout as pause } from "node:timers/promises";
import fc from "fast-check";
import { createSkein, type Skein } from "../../sdk/index.ts";
import type { SessionView } from "../../shared/session/session-schemas.ts";
import { LARGE_STREAMS, SMALL_WINDOW, STREAM_WINDOW } from "../../shared/streams/credit.ts";
import { ClientSocket } from "../support/client-socket.ts";
import { ABOUT, TestNode } from "../support/node.ts";
import { type TestApi, testApi } from "../support/server.ts";
import { TunnelNode } from "../support/tunnel-node.ts";
import { Echo, echo } from "./echo.ts";
import { differs, linesOf } from "./heard-lines.ts";
import { type Dials, dialsOf } from "./stream-dials.ts";
import { sendAsAgent, sendAsClient } from "./stream-senders.ts";
import { type ClientStep, type Conversation, conversation, type Step } from "./stream-steps.ts";
import { StreamModel } from "./stream-verdict.ts";
import { ECHO_PORT, TunnelDesk } from "./tunnel-desk.ts";
import { PATIENCE_MS, within } from "./within.ts";

export interface Figures {
  seed: number;
  /** Sent, by clients and agents. */
  frames: number;
  conversations: number;
  /** Dials that had to be refused, and were. */
  refused: number;
  /** How fuzzed streams ended, by the code of the client's WebSocket. */
  closes: Record<string, number>;
  /** How tunnels ended, by close code. */
  tunnels: Record<string, number>;
  /** Bytes that other streams have echoed. */
  echoed: number;
  faults: string[];
}

const CHUNK = 20;
const PORT = 80;
const IMAGE = "debian:12";
/** So few that the run is refused as soon as sockets of earlier conversations still count. */
const MAX_LINKS = 40;
/** workerd's own error for a frame over its limit, which reaches no code of ours. */
const OVER_LIMIT = /^.*Uncaught exception: .*Message is too large: .*\n\n?/gm;

/** Sends about `count` frames, the same ones for the same seed. */
export async function fuzzStreams(seed: number, count: number): Promise<Figures> {
  const figures: Figures = {
    ...{ seed, frames: 0, conversations: 0, refused: 0, closes: {}, tunnels: {}, echoed: 0, faults: [] },
  };
  let log = "";
  const settings = { requestBurst: 10_000_000, maxLinks: MAX_LINKS };
  const api = await testApi(settings, (said) => {
    log += said;
  });
  let run: StreamFuzz | undefined;
  try {
    run = await StreamFuzz.prepare(api, figures);
    for (let chunk = 0; figures.frames < count; chunk++) {
      await run.crowd(chunk % 2 === 0 ? 1 : LARGE_STREAMS);
      await run.dials();
      for (const each of fc.sample(conversation, { seed: seed + chunk * 1_000_003, numRuns: CHUNK })) {
        if (figures.frames >= count) break;
        await run.converse(each);
        log = log.replaceAll(OVER_LIMIT, "");
        if (log !== "") run.fault(`the API logged ${log.slice(0, 500)}`);
        log = "";
      }
    }
    await run.end();
  } finally {
    run?.close();
    await api.close();
  }
  return figures;
}

class StreamFuzz {
  readonly #api: TestApi;
  readonly #figures: Figures;
  readonly #skein: Skein;
  readonly #desk: TunnelDesk;
  readonly #session: string;
  readonly #dials: Dials;
  readonly #other: { node: TunnelNode; stream: Echo };
  readonly #leave: () => void;
  #mates: Echo[] = [];
  #crowd = 0;
  #now: Conversation | undefined;

  private constructor(
    api: TestApi,
    figures: Figures,
    parts: {
      skein: Skein;
      node: TestNode;
      session: string;
      other: { node: TunnelNode; stream: Echo };
      dials: Dials;
      link: Awaited<ReturnType<TestNode["follow"]>>;
    },
  ) {
    this.#api = api;
    this.#figures = figures;
    this.#skein = parts.skein;
    this.#session = parts.session;
    this.#other = parts.other;
    this.#dials = parts.dials;
    this.#desk = new TunnelDesk(parts.node, parts.link, (what) => this.fault(what));
    this.#leave = () => parts.link.close();
  }

  static async prepare(api: TestApi, figures: Figures): Promise<StreamFuzz> {
    const skein = createSkein({ api: api.server.url, token: api.server.token });
    const node = await TestNode.join(api, "fuzz");
    const link = await node.follow();
    const bystander = await TunnelNode.start(api, "other", echo, { ...ABOUT, address: "192.0.2.2" });
    const [session, theirs] = [await running(api, "fuzz"), await running(api, "other")];
    const other = { node: bystander, stream: await Echo.open(skein, theirs, ECHO_PORT) };
    const dials = await dialsOf(api, { session, node: node.id, other: bystander.node.id, theirs });
    return new StreamFuzz(api, figures, { skein, node, session, other, dials, link });
  }

  fault(what: string): void {
    const said = this.#now?.steps.map((step) => JSON.stringify(step).slice(0, 300)).join("\n    ");
    this.#figures.faults.push(`${what}\n  ${this.#now?.kind} ${this.#now?.opening ?? ""}\n    ${said}`);
  }

  /** So many other streams share the tunnel from now on: with more, the fuzzed one gets the small window. */
  async crowd(count: number): Promise<void> {
    this.#crowd = count;
    for (const mate of this.#mates.splice(count)) mate.stream.close();
    await this.#fill();
  }

  /** Opens missing mates, and with them the tunnel. */
  async #fill(): Promise<void> {
    for (let tries = 0; this.#mates.length < this.#crowd; tries++) {
      try {
        this.#mates.push(await Echo.open(this.#skein, this.#session, ECHO_PORT));
      } catch (error) {
        // A tunnel that was opened oddly may break under its first client.
        if (tries > 3) throw error;
      }
    }
  }

  /** Dials that must be refused. */
  async dials(): Promise<void> {
    for (const { what, dial } of this.#dials) {
      const fault = await within(dial());
      this.#figures.refused++;
      if (fault !== "") this.#figures.faults.push(`${what}: ${fault ?? "no answer"}`);
    }
  }

  async converse(each: Conversation): Promise<void> {
    this.#now = each;
    this.#figures.conversations++;
    if (each.opening !== undefined) {
      this.#desk.opening = each.opening;
      await this.#lose(() => this.#desk.tunnel!.close(1000), 1000);
    }
    this.#desk.begin();
    const window = this.#crowd < LARGE_STREAMS ? STREAM_WINDOW : SMALL_WINDOW;
    const model = new StreamModel(each.kind, PORT, window);
    const what = each.kind === "exec" ? "exec" : `ports/${PORT}`;
    const path = `/v1/sessions/${this.#session}/containers/main1/${what}`;
    const client = await ClientSocket.dial(this.#api, path);
    const heard: string[] = [];
    const arrived = { wake: () => {} };
    client.onHeard = (said) => {
      heard.push(...linesOf(said));
      arrived.wake();
    };
    const heardAll = async () => {
      while (heard.length < model.toClient.length && client.open)
        await new Promise<void>((resolve) => {
          arrived.wake = resolve;
        });
    };
    void client.closed.then(() => arrived.wake());
    if (client.refused > 0) return this.fault(`the dial was refused: ${client.answer}`);
    let turn: Step["by"] = "client";
    for (const step of [...each.steps, LEAVE]) {
      if (model.over) break;
      if (step.by !== turn) await within(Promise.all([heardAll(), this.#desk.until(model.toAgent.length)]));
      turn = step.by;
      for (let times = step.times ?? 1; times > 0 && (!model.over || model.flooded); times--) {
        if (step.by === "client") sendAsClient(client, step, model);
        else if (!sendAsAgent(this.#desk, step, model)) break;
        this.#figures.frames++;
      }
    }
    const closed = await within(client.closed);
    const code = closed?.code ?? "not at all";
    this.#figures.closes[code] = (this.#figures.closes[code] ?? 0) + 1;
    if (!StreamModel.isCode(closed?.code, model.socketCode))
      this.fault(`the client was closed with ${code}, not with ${model.socketCode}: ${closed?.reason}`);
    if (model.tunnelCode !== undefined) await this.#lose(() => {}, model.tunnelCode);
    await this.#others();
    const clientCut = closed?.code === 1006 || closed?.code === 1009;
    for (const [side, is, must] of [
      // What was under way to a client that is gone is lost.
      ["client", heard, clientCut ? model.toClient.slice(0, heard.length) : model.toClient],
      ["agent", model.tunnelCode === undefined ? this.#desk.lines : model.toAgent, model.toAgent],
    ] as const) {
      const wrong = differs(is, must, model.flooded);
      if (wrong) this.fault(`the ${side} heard ${wrong}`);
    }
  }

  /** The tunnel ends, and with it its streams; the others' are opened again. */
  async #lose(end: () => void, code: number): Promise<void> {
    const tunnel = this.#desk.tunnel!;
    end();
    const closed = await within(tunnel.closed);
    const how = closed?.code ?? "not at all";
    this.#figures.tunnels[how] = (this.#figures.tunnels[how] ?? 0) + 1;
    if (!StreamModel.isCode(closed?.code, code))
      this.fault(`the tunnel was closed with ${how}, not with ${code}`);
    for (const { stream } of this.#mates.splice(0)) {
      const result = await within(stream.result);
      if (result?.code !== "node_disconnected")
        this.fault(`another stream of a tunnel that ended has ended with ${JSON.stringify(result)}`);
    }
    await this.#fill();
  }

  /** Streams that nobody has wronged carry their bytes. */
  async #others(): Promise<void> {
    const big = this.#figures.conversations % 10 === 0 ? 200_000 : 500;
    for (const [whose, each] of [
      ["of the same tunnel", this.#mates.at(-1)!],
      ["of another session", this.#other.stream],
    ] as const) {
      const trouble = await each.trouble(big);
      this.#figures.echoed += big;
      if (trouble) this.fault(`a stream ${whose}: ${trouble}`);
    }
  }

  /** Nothing of all this is counted any more: so many streams fit as if nothing had been. */
  async end(): Promise<void> {
    const { status } = await this.#api.call("GET", "/healthz");
    if (status !== 200) this.#figures.faults.push(`healthz answers ${status}`);
    // Two links, two tunnels, and the other session's stream. Connections that proved nothing are closed after 10 s.
    const until = Date.now() + PATIENCE_MS;
    for (;;) {
      try {
        await this.crowd(MAX_LINKS - 5);
        break;
      } catch (error) {
        if (Date.now() > until) {
          this.#figures.faults.push(
            `only ${this.#mates.length} of ${this.#crowd} fit: ${(error as Error).message}`,
          );
          break;
        }
        await pause(200);
      }
    }
    const more = await this.#skein.connect({ session: this.#session }, ECHO_PORT).then(
      () => "taken",
      (error: Error) => error.message,
    );
    if (!/has no room for another/.test(more))
      this.#figures.faults.push(`one stream more than fit is ${more}`);
    await this.crowd(0);
  }

  close(): void {
    this.#other.stream.stream.close();
    this.#desk.tunnel?.cut();
    void this.#other.node.close();
    this.#leave();
  }
}

/** Ends a conversation that has not ended by itself. */
const LEAVE: ClientStep = {
  by: "client",
  text: JSON.stringify({ type: "close", code: "client_gone", reason: "" }),
};

/** A session of one container on the node of that name, that runs. */
async function running(api: TestApi, node: string): Promise<string> {
  const created = await api.call("POST", "/v1/sessions?wait=20", {
    image: IMAGE,
    name: node,
    placement: { labels: { name: node } },
  });
  const { id, status } = (await created.json()) as SessionView;
  if (status !== "running") throw new Error(`the session on ${node} is ${status}`);
  return id;
}
