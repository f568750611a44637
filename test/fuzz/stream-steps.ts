/** What both ends of a stream may send, right and wrong: conversations of a client and of its container's agent. */
import fc from "fast-check";
import { PING } from "../../shared/protocol/protocol.ts";
import { FRAME_BYTES } from "../../shared/streams/frames.ts";
import { SIGNALS } from "../../shared/streams/stream-messages.ts";
import { absurd, oddText, spoiled } from "./values.ts";

/** `all`: as much as the receiver may grant at that moment. */
type Credit = { credit: number | "all" };

export type ClientStep = { by: "client"; times?: number } & (
  | { text: string; as?: "broken" | "huge" }
  | Credit
  | { channel: number; size: number }
  | { raw: Buffer }
  | { act: "close" | "cut" | "halfClose" }
);

/** `to`: the stream, one that has ended, or one that was never opened. */
export type AgentStep = { by: "agent"; times?: number; to: "own" | "ended" | "never" } & (
  | { text: string }
  | Credit
  | { channel: number; size: number }
  | { raw: Buffer | string; as?: "huge" }
  | { act: "close" | "cut" }
);

export type Step = ClientStep | AgentStep;

/** How the node opens its tunnel, if this conversation begins with a new one. */
export const OPENINGS = [
  "right",
  "wrong key",
  "twice",
  "hello twice",
  "binary hello",
  "silent ones",
] as const;

export interface Conversation {
  kind: "exec" | "port";
  /** Missing: the tunnel of the conversation before. */
  opening?: (typeof OPENINGS)[number];
  steps: Step[];
}

const rarely = <T>(times: number, from: fc.Arbitrary<T>) =>
  fc.oneof({ weight: times - 1, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: from });
const own = <T>(...all: T[]) => fc.constantFrom(...all);
export const textOf = (value: unknown): string => JSON.stringify(value) ?? "";

const start = fc.record(
  {
    type: fc.constant("start"),
    command: own(["sh"], ["cat", "-"], [""], ["\0"], ["中".repeat(1000)]),
    tty: own(null, { cols: 80, rows: 24 }, { cols: 1, rows: 65_535 }),
    env: own<object>({}, { A: "1" }, { A: "\ud800" }),
    user: own("root", "1000:1000"),
    workdir: own("/", "../.."),
  },
  { requiredKeys: ["type", "command"] },
);
/** Valid by its schema; the last ones fit into no frame. */
const largeStart = own(
  ["a".repeat(131_072)],
  Array<string>(7).fill("a".repeat(131_072)),
  Array<string>(8).fill("a".repeat(131_000)),
  Array<string>(4).fill("中".repeat(120_000)),
  Array<string>(4096).fill("x"),
).map((command) => ({ type: "start", command }));

const size = own(0, 1, 5, 1000, FRAME_BYTES - 1, FRAME_BYTES);
const credit = own<number | "all">("all", "all", "all", 1, 1000, 2 ** 20, 2 ** 20 + 1, 0, -1, 0.5);
const times = own(1, 1, 1, 1, 2, 20);

const control = fc.oneof(
  fc.record({ type: fc.constant("resize"), cols: own(1, 80, 65_535), rows: own(1, 24) }),
  fc.record({ type: fc.constant("signal"), name: own(...SIGNALS) }),
  fc.constant({ type: "end" }),
);
const leave = fc.record({
  type: fc.constant("close"),
  code: own("client_gone", "done", "revoked"),
  reason: own("", "bye", "x".repeat(4096), "\ud800\0\u001b[31m"),
});
const wrongText = (from: fc.Arbitrary<unknown>) =>
  fc.oneof(
    { weight: 4, arbitrary: from.chain(spoiled).map(textOf) },
    { weight: 1, arbitrary: absurd.map(textOf) },
    { weight: 1, arbitrary: oddText },
    { weight: 1, arbitrary: fc.tuple(from, fc.nat(30)).map(([value, at]) => textOf(value).slice(0, at)) },
    {
      weight: 1,
      arbitrary: from.map((value) => textOf(value).replace("{", '{"__proto__":{"type":"end"},"x":1,')),
    },
    { weight: 1, arbitrary: own("", "[".repeat(100_000), `"${"a".repeat(2 ** 20)}"`) },
  );

const client = (step: object): ClientStep => ({ by: "client", ...step }) as ClientStep;
const clientText = (from: fc.Arbitrary<unknown>) => from.map((value) => client({ text: textOf(value) }));
const clientStep: fc.Arbitrary<ClientStep> = fc.oneof(
  { weight: 30, arbitrary: fc.record({ size, times }).map((data) => client({ channel: 0, ...data })) },
  { weight: 10, arbitrary: credit.map((bytes) => client({ credit: bytes })) },
  { weight: 12, arbitrary: clientText(control) },
  { weight: 3, arbitrary: fc.constant(client({ text: PING })) },
  {
    weight: 1,
    arbitrary: fc.constant(client({ text: textOf({ type: "resize", cols: 1, rows: 1 }), times: 3000 })),
  },
  { weight: 1, arbitrary: fc.constant(client({ channel: 0, size: 0, times: 5000 })) },
  { weight: 2, arbitrary: clientText(leave) },
  {
    weight: 4,
    arbitrary: wrongText(fc.oneof<fc.Arbitrary<object>[]>(control, leave)).map((text) => client({ text })),
  },
  { weight: 2, arbitrary: fc.record({ channel: own(1, 2, 3, 4, 255), size }).map(client) },
  { weight: 1, arbitrary: own(FRAME_BYTES + 1, 2 ** 20).map((bytes) => client({ channel: 0, size: bytes })) },
  { weight: 1, arbitrary: clientText(start) },
  { weight: 1, arbitrary: control.map((value) => client({ raw: Buffer.from(textOf(value)) })) },
  { weight: 1, arbitrary: control.map((value) => client({ text: textOf(value), as: "broken" })) },
  { weight: 1, arbitrary: fc.constant(client({ raw: Buffer.alloc(0) })) },
  { weight: 2, arbitrary: own("close", "cut", "halfClose").map((act) => client({ act })) },
);

const to = own("own", "own", "own", "own", "own", "own", "own", "own", "own", "ended", "ended", "never");
const opened = { type: "opened", window: 2 ** 20 };
const said = fc.oneof(
  { weight: 3, arbitrary: fc.constant({ type: "exit", code: 0 }) },
  { weight: 3, arbitrary: fc.constant({ type: "end" }) },
  { weight: 1, arbitrary: fc.constant({ type: "live" }) },
  { weight: 1, arbitrary: own<object>(opened, { type: "exit", code: -1, x: 1 }) },
);
const over = fc.record({
  type: fc.constant("close"),
  code: own("done", "done", "not_running", "refused", "cannot_run", "failed"),
  reason: own("", "no such command", "\u001b]52;c;\u0007"),
});
const agent = (step: object): AgentStep => ({ by: "agent", to: "own", ...step }) as AgentStep;
const agentText = (from: fc.Arbitrary<unknown>) =>
  fc.tuple(from, to).map(([value, whom]) => agent({ text: textOf(value), to: whom }));
const agentStep: fc.Arbitrary<AgentStep> = fc.oneof(
  {
    weight: 30,
    arbitrary: fc.record({ channel: own(1, 1, 2), size, times, to }).map(agent),
  },
  { weight: 10, arbitrary: fc.record({ credit, to }).map(agent) },
  { weight: 8, arbitrary: agentText(said) },
  { weight: 4, arbitrary: agentText(over) },
  {
    weight: 1,
    arbitrary: wrongText(fc.oneof<fc.Arbitrary<object>[]>(said, over)).map((text) => agent({ text })),
  },
  { weight: 1, arbitrary: fc.record({ channel: own(0, 4, 255), size }).map(agent) },
  { weight: 1, arbitrary: own(FRAME_BYTES + 1, 2 ** 20).map((bytes) => agent({ channel: 1, size: bytes })) },
  {
    weight: 2,
    arbitrary: own<Buffer | string>(Buffer.alloc(0), Buffer.alloc(4), "1000000000", "{}", PING).map((raw) =>
      agent({ raw }),
    ),
  },
  { weight: 1, arbitrary: own("close", "cut").map((act) => agent({ act })) },
);
/** Over workerd's limit. Rare, because the run would otherwise mostly copy bytes. */
const huge: fc.Arbitrary<Step> = own<Step>(
  client({ text: textOf({ type: "end" }), as: "huge" }),
  agent({ raw: Buffer.alloc(8), as: "huge" }),
);

const first: fc.Arbitrary<Step[]> = fc.oneof(
  { weight: 12, arbitrary: clientText(start).map((step) => [step]) },
  { weight: 1, arbitrary: clientText(largeStart).map((step) => [step]) },
  { weight: 2, arbitrary: wrongText(start).map((text) => [client({ text })]) },
  { weight: 1, arbitrary: fc.array(clientStep, { maxLength: 2 }) },
);

export const conversation: fc.Arbitrary<Conversation> = fc
  .record({
    kind: own<Conversation["kind"]>("exec", "port"),
    opening: rarely(12, own(...OPENINGS)),
    first,
    answer: fc.oneof(
      { weight: 8, arbitrary: fc.constant([agent({ text: textOf(opened) })]) },
      fc.array(agentStep, { maxLength: 2 }),
    ),
    rest: fc.array(fc.oneof(clientStep, agentStep), { maxLength: 25 }),
    last: rarely(60, huge),
  })
  .map(({ kind, opening, first: begin, answer, rest, last }) => ({
    kind,
    ...(opening === undefined ? {} : { opening }),
    steps: [...(kind === "exec" ? begin : []), ...answer, ...rest, ...(last ? [last] : [])],
  }));
