/**
 * The fuzz run over the link, to the API: conversations of a joined node and of strangers with a real API. The run predicts the API's
 * reaction to each frame and watches the state from outside. Another, working node must not be affected.
 */
import fc from "fast-check";
import type { NodeView } from "../../shared/node/node-schemas.ts";
import { CLOSE } from "../../shared/protocol/protocol.ts";
import type { SessionView } from "../../shared/session/session-schemas.ts";
import { done } from "../../shared/testing/reports.ts";
import { ABOUT, type About, NodeSocket, TestNode } from "../support/node.ts";
import { type TestApi, testApi } from "../support/server.ts";
import { Bystander, difference } from "./bystander.ts";
import { faultOf } from "./document.ts";
import { type Conversation, conversation, type Frame } from "./node-frames.ts";
import { verdictOf } from "./node-verdict.ts";
import { PATIENCE_MS, within } from "./within.ts";

export interface Figures {
  seed: number;
  /** Sent. */
  frames: number;
  understood: number;
  /** How connections ended, by close code; the run itself also uses 4000 to end those with valid frames only. */
  closes: Record<string, number>;
  /** Answers to dry runs with the facts that the node reported, by status. */
  dryRuns: Record<string, number>;
  sessions: number;
  stateChecks: number;
  faults: string[];
}

const IMAGE = "debian:12";
const CHUNK = 20;
/** workerd's own error for a frame over its limit, which reaches no code of ours. */
const TOO_LARGE = /^.*Uncaught exception: .*Message is too large: .*\n\n?/gm;

/** Sends `count` frames, the same ones for the same seed, except ids and nonces. */
export async function fuzzNodeLink(seed: number, count: number): Promise<Figures> {
  const figures: Figures = {
    ...{ seed, frames: 0, understood: 0, closes: {}, dryRuns: {}, sessions: 0, stateChecks: 0, faults: [] },
  };
  let log = "";
  const api = await testApi({ requestBurst: 10_000_000, maxLiveSessions: 1_000_000 }, (said) => {
    log += said;
  });
  try {
    const run = await LinkFuzz.prepare(api, figures);
    for (let chunk = 0; figures.frames < count; chunk++) {
      for (const each of fc.sample(conversation, { seed: seed + chunk * 1_000_003, numRuns: CHUNK })) {
        if (figures.frames >= count) break;
        await run.converse(each, count - figures.frames);
        await run.compare(each);
        log = log.replaceAll(TOO_LARGE, "");
        if (log !== "") run.fault(each, `the API logged ${log.slice(0, 500)}`);
        log = "";
      }
    }
    await run.end();
  } finally {
    await api.close();
  }
  return figures;
}

class LinkFuzz {
  readonly #api: TestApi;
  readonly #figures: Figures;
  readonly #node: TestNode;
  readonly #other: Bystander;
  /** A session that both have a part in; once it ends, another replaces it. */
  #own = "";
  /** The facts that the node reported last. */
  #said: About = ABOUT;

  private constructor(api: TestApi, figures: Figures, node: TestNode, other: Bystander) {
    this.#api = api;
    this.#figures = figures;
    this.#node = node;
    this.#other = other;
  }

  static async prepare(api: TestApi, figures: Figures): Promise<LinkFuzz> {
    const node = await TestNode.join(api, "fuzz");
    const other = await Bystander.join(api, IMAGE, (what) => figures.faults.push(what));
    figures.sessions++;
    return new LinkFuzz(api, figures, node, other);
  }

  fault({ dial, frames }: Conversation, what: string): void {
    const said = frames.map(({ text, as = "" }) => `${as}${text.slice(0, 400)}`).join("\n    ");
    this.#figures.faults.push(`${what}\n  dialled ${dial}, said\n    ${said}`);
  }

  /** One connection to its end; at most `most` frames. */
  async converse(each: Conversation, most: number): Promise<void> {
    const dial = this.#filled(each.dial);
    const socket = await NodeSocket.dial(this.#api, dial);
    const [dialled = "", ...more] = new URLSearchParams(`node=${dial}`).getAll("node");
    const known = more.length === 0 && [this.#node.id, this.#other.id].includes(dialled);
    if (!known) return await this.#expect(each, socket, CLOSE.unknownNode.code);
    const challenge = await within(socket.next());
    if (challenge?.type !== "challenge") return this.fault(each, "no challenge came");
    const on = { node: this.#node, id: dialled, nonce: challenge.nonce };
    let proven = false;
    for (const frame of each.frames.slice(0, most)) {
      const text = this.#filled(frame.text).replaceAll("@signature", this.#node.signature(challenge.nonce));
      const verdict = verdictOf(frame, text, { ...on, proven });
      this.#figures.frames++;
      transmit(socket, frame, text);
      if (verdict.code !== undefined) return await this.#expect(each, socket, verdict.code);
      this.#figures.understood++;
      if (verdict.message?.type === "hello") {
        proven = true;
        if (!(await this.#welcome(each, socket))) return;
      }
      if (verdict.message?.type === "hello" || verdict.message?.type === "facts") {
        const { capacity, facts } = verdict.message;
        const { address } = verdict.message.type === "hello" ? verdict.message : this.#said;
        this.#said = { address, capacity, facts };
      }
    }
    if (proven) await this.#dryRun(each);
    socket.send("{");
    await this.#expect(each, socket, CLOSE.badMessage.code);
  }

  /** After a valid hello: removes what has to go, and starts a session that both nodes have a part in. */
  async #welcome(each: Conversation, socket: NodeSocket): Promise<boolean> {
    const welcome = await within(Promise.race([socket.welcomed, socket.closed]));
    if (welcome === undefined || "code" in welcome) {
      this.fault(each, `no welcome came, but ${JSON.stringify(welcome)}`);
      return false;
    }
    for (const assign of welcome.assignments)
      if (assign.phase === "removed") socket.send(JSON.stringify(done(assign)));
    await this.#dryRun(each);
    const now = this.#own === "" ? undefined : await this.#session(this.#own);
    const shared = now?.containers.some(({ nodeId }) => nodeId === this.#node.id);
    if (shared && ["preparing", "starting", "running"].includes(now!.status)) return true;
    if (now) await this.#api.call("DELETE", `/v1/sessions/${this.#own}`);
    const request = { image: IMAGE, clusterMode: "multi-node", clusterSize: 2 };
    const answer = await this.#api.call("POST", "/v1/sessions", request);
    this.#own = ((await answer.json()) as SessionView).id;
    this.#figures.sessions++;
    return true;
  }

  /** The planner must handle all facts that a node reports. */
  async #dryRun(each: Conversation): Promise<void> {
    const path = "/v1/plans";
    const gpu = this.#figures.frames % 2;
    const request = { image: IMAGE, clusterMode: "multi-node", clusterSize: 3, resources: { cpu: 0.5, gpu } };
    const response = await this.#api.call("POST", path, request);
    const { status } = response;
    this.#figures.dryRuns[status] = (this.#figures.dryRuns[status] ?? 0) + 1;
    const type = response.headers.get("content-type")?.split(";")[0] ?? "";
    const fault = faultOf("POST", path, { status, type, body: await response.text() });
    if (fault) this.fault(each, `a dry run ${fault}`);
  }

  /** Waits for the end of a connection. The API refuses an invalid node id before the connection exists. */
  async #expect(each: Conversation, socket: NodeSocket, code: number): Promise<void> {
    const closed = await within(socket.closed);
    if (!closed) {
      socket.cut();
      return this.fault(each, `was not closed, but should have been with ${code}`);
    }
    this.#figures.closes[closed.code] = (this.#figures.closes[closed.code] ?? 0) + 1;
    const isNoId = code === CLOSE.unknownNode.code && socket.refused === 400;
    if (closed.code !== code && !isNoId)
      this.fault(each, `closed with ${closed.code} ${closed.reason}, not with ${code}`);
  }

  /** Checks that must hold after each conversation. */
  async compare(each: Conversation): Promise<void> {
    this.#figures.stateChecks++;
    const [{ status }, theirs, list, own] = await Promise.all([
      this.#api.call("GET", "/healthz"),
      this.#session(this.#other.session.id),
      this.#nodes(),
      this.#own === "" ? undefined : this.#session(this.#own),
    ]);
    if (status !== 200) this.fault(each, `healthz answers ${status}`);
    const [other, { address, capacity, facts, name, labels, schedulable }] = list as [NodeView, NodeView];
    const faults = [
      ...this.#other.changes(other, theirs, own),
      ...difference("the node", { address, capacity, facts }, this.#said),
      ...difference(
        "the node",
        { name, labels, schedulable },
        { name: "fuzz", labels: { name: "fuzz" }, schedulable: true },
      ),
    ];
    for (const what of faults) this.fault(each, what);
  }

  /** The node behaves again: all sessions can be ended, and nothing stays reserved. */
  async end(): Promise<void> {
    const link = await this.#node.follow();
    for (const id of [this.#own, this.#other.session.id])
      if (id !== "") await this.#api.call("DELETE", `/v1/sessions/${id}`);
    const until = Date.now() + 3 * PATIENCE_MS;
    for (;;) {
      const left = await this.#held();
      if (left === "") break;
      if (Date.now() > until) {
        this.#figures.faults.push(`left at the end: ${left}`);
        break;
      }
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    link.close();
    this.#other.close();
  }

  async #held(): Promise<string> {
    const lists = await Promise.all(
      ["pending", "preparing", "starting", "running", "terminating"].map(async (status) => {
        const response = await this.#api.call("GET", `/v1/sessions?limit=200&status=${status}`);
        return ((await response.json()) as { items: SessionView[] }).items;
      }),
    );
    const holding = (await this.#nodes()).filter(
      ({ allocated }) => allocated.cpu + allocated.memory + allocated.gpu > 0,
    );
    return [
      ...lists.flat().map(({ id, status }) => `${id} ${status}`),
      ...holding.map(({ name }) => name),
    ].join(", ");
  }

  async #nodes(): Promise<NodeView[]> {
    const list = await this.#api.call("GET", "/v1/nodes");
    return ((await list.json()) as { items: NodeView[] }).items;
  }

  async #session(id: string): Promise<SessionView> {
    return (await (await this.#api.call("GET", `/v1/sessions/${id}`)).json()) as SessionView;
  }

  #filled(text: string): string {
    return text
      .replaceAll("@node", this.#node.id)
      .replaceAll("@other", this.#other.id)
      .replaceAll("@fleet", this.#node.fleet)
      .replaceAll("@theirs", this.#other.session.id)
      .replaceAll("@own", this.#own === "" ? this.#other.session.id : this.#own);
  }
}

function transmit(socket: NodeSocket, { as, huge = 0 }: Frame, text: string): void {
  const bytes = Buffer.concat([
    ...(as === "broken" ? [Buffer.from([0xff, 0xc3])] : []),
    Buffer.from(text),
    Buffer.alloc(huge, " "),
  ]);
  socket.send(bytes, as === "binary");
}
