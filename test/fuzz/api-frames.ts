/** Frames that the API, or an impostor, may send to an agent: conversations of valid, spoiled and absurd ones. */
import fc from "fast-check";
import type { Layout, Part, SessionKeys } from "../../shared/protocol/assignment.ts";
import { type Assign, PROTOCOL } from "../../shared/protocol/protocol.ts";
import { PHASES } from "../../shared/session/lifecycle.ts";
import { type Frame, text } from "./node-frames.ts";
import { absurd, oddText, spoiled } from "./values.ts";

export const FLEET = "flt_fuzz";

const own = <T>(...all: T[]) => fc.constantFrom(...all);

const KEY = "A".repeat(43);

/** A valid `assign` of a session of two, on this node and on another; `whole`: with layout, part and keys. */
export function assignOf(session: string, epoch: number, phase: Assign["phase"], whole: boolean): Assign {
  const bare: Assign = { type: "assign", session, epoch, phase };
  if (phase === "removed") return { ...bare, force: true };
  const container = {
    ...{ host: "main1", role: "main", rank: 0, address: "10.64.0.2", image: "debian:12", command: ["a"] },
    ...{ env: { A: "1" }, launchers: {}, files: [], resources: { cpu: 0.5, memory: 2 ** 26, gpuIds: ["0"] } },
  };
  const keys: SessionKeys = [
    ["root", KEY, KEY],
    ["dev", KEY, KEY],
  ];
  return {
    ...bare,
    ...(whole
      ? {
          layout: {
            name: session,
            network: {
              ...{
                driver: "overlay",
                subnet: "10.64.0.0/24",
                mtu: 1450,
                vni: 0x800000,
                port: 14789,
                egress: true,
              },
            },
            nodes: [
              ["192.0.2.1", "10.64.0.254"],
              ["192.0.2.2", "10.64.0.253"],
            ],
            roles: [
              ["main", 1],
              ["sub", 1],
            ],
            slots: [1, 1],
            members: [
              ["10.64.0.2", 0, 0],
              ["10.64.0.3", 1, 0],
            ],
            env: { BACKENDAI_CLUSTER_SIZE: "2" },
            launchers: {},
            logs: { bytes: 2 ** 20, seconds: 60 },
          },
          part: { place: 0, containers: [container], proof: { ssh: ["sub1"], ping: [1] } },
        }
      : {}),
    ...(phase === "prepared" ? {} : { keys }),
  };
}

const assign = fc
  .tuple(
    own("ses_1", "ses_2", "__proto__", "s".repeat(64)),
    own(1, 1, 2, 2 ** 53 - 1),
    own(...PHASES),
    own(true, true, false),
  )
  .map(([session, epoch, phase, whole]) => assignOf(session, epoch, phase, whole));

/** One with a layout, a part and the keys. */
type Whole = Assign & { layout: Layout; part: Part; keys: SessionKeys };
const whole = own(...(["started", "running"] as const)).map(
  (phase) => assignOf("ses_1", 1, phase, true) as Whole,
);

/** Each part is valid, but they do not belong together. */
const contradicting = fc
  .tuple(
    whole,
    own<(all: Whole) => object>(
      (all) => ({ ...all, layout: undefined }),
      (all) => ({ ...all, part: undefined }),
      (all) => ({ ...all, keys: all.keys.slice(1) }),
      (all) => ({ ...all, part: { ...all.part, place: 2 } }),
      (all) => ({ ...all, layout: { ...all.layout, nodes: all.layout.nodes.slice(1) } }),
      (all) => ({ ...all, layout: { ...all.layout, roles: all.layout.roles.slice(1) } }),
    ),
  )
  .map(([all, change]) => change(all));

const network = (change: object) => (all: Whole) =>
  layout({ network: { ...all.layout.network, ...change } })(all);
const layout = (change: object) => (all: Whole) => ({ ...all, layout: { ...all.layout, ...change } });
const part = (change: object) => (all: Whole) => ({ ...all, part: { ...all.part, ...change } });
const container = (change: object) => (all: Whole) =>
  part({ containers: [{ ...all.part.containers[0], ...change }] })(all);
const login = (user: string) => (all: Whole) => ({ ...all, keys: [all.keys[0], [user, KEY, KEY]] });

/** Values in an assignment that would reach kernel, firewall, files or SSH configurations. */
const harmful = fc
  .tuple(
    whole,
    own<(all: Whole) => object>(
      ...[
        { subnet: "10.64.0.0" },
        { subnet: "10.64.0.0/33" },
        { subnet: '10.0.0.0/8 } ; flush ruleset ; { "' },
      ].map(network),
      ...[{ mtu: 0 }, { mtu: 2 ** 31 }, { mtu: -1 }, { vni: 0 }, { vni: 2 ** 24 }, { vni: -1 }].map(network),
      ...[{ port: 0 }, { port: 65536 }, { port: 1e21 }].map(network),
      ...["::1", "host", "192.0.2.1; flush ruleset", ""].map((address) =>
        layout({
          nodes: [
            [address, "10.64.0.254"],
            ["192.0.2.2", "10.64.0.253"],
          ],
        }),
      ),
      ...["::1", "10.64.0.256"].map((address) =>
        layout({
          members: [
            [address, 0, 0],
            ["10.64.0.3", 1, 0],
          ],
        }),
      ),
      ...["../../etc", "a/b", "main\n", ";rm -rf x", "\0", "-h", "Main", ""].map((role) =>
        layout({
          roles: [
            [role, 1],
            ["sub", 1],
          ],
        }),
      ),
      ...["../../etc", "main1\n10.0.0.1 evil", "-oProxyCommand=sh"].map((host) =>
        part({ proof: { ssh: [host], ping: [] } }),
      ),
      ...["../../etc", "a\nb"].map((host) => container({ host })),
      ...["../../containers/json", "a/../../containers/json", "a//b", ""].map((image) =>
        container({ image }),
      ),
      ...["root\n  ProxyCommand sh", "-oProxyCommand=sh", "a b", ""].map(login),
      (all) => ({ ...all, keys: [all.keys[0], ["root", `ssh-ed25519 ${KEY}`, KEY]] }),
      (all) => ({ ...all, keys: [all.keys[0], ["root", KEY, `${KEY}\nx`]] }),
    ),
  )
  .map(([all, change]) => change(all));

const welcome = fc
  .tuple(own(1, 2, 2 ** 53 - 1), fc.array(assign, { maxLength: 3 }))
  .map(([connection, assignments]) => ({
    type: "welcome",
    protocol: PROTOCOL.max,
    connection,
    redialMs: 0,
    assignments,
  }));
const challenge = fc.constant({ type: "challenge", protocol: PROTOCOL, fleet: FLEET, nonce: "n" });
const wrongChallenge = own(
  ...[{ fleet: "flt_2" }, { fleet: "" }, { protocol: { min: 1, max: 1 } }, { protocol: { min: 9, max: 1 } }],
  ...[{ protocol: { min: -1, max: 0 } }, { nonce: "n".repeat(257) }, { nonce: 1 }, { nonce: "\n\0" }],
).map((wrong) => ({ type: "challenge", protocol: PROTOCOL, fleet: FLEET, nonce: "n", ...wrong }));

const rotated = own("A".repeat(43), "", "\0", "node-key.pem").map((publicKey) => ({
  type: "rotated",
  publicKey,
}));
const nodes = fc
  .tuple(
    own(0, 0, 7, 2 ** 53 - 1, -1),
    own(
      ["192.0.2.1"],
      [],
      ["0.0.0.0-255.255.255.255"],
      ["192.0.2.1-192.0.2.9", "192.0.2.5"],
      ["192.0.2.9-192.0.2.1"],
      ["192.0.2.1; flush ruleset"],
      ["::1"],
    ),
  )
  .map(([since, added]) => ({ type: "nodes", since, number: 7, added, removed: [] }));
const tunnel = own("ses_1", "", "../x", "s".repeat(65)).map((session) => ({ type: "tunnel", session }));

const right = fc.oneof(
  { weight: 20, arbitrary: assign },
  { weight: 4, arbitrary: welcome },
  { weight: 1, arbitrary: rotated },
  { weight: 1, arbitrary: nodes },
  { weight: 1, arbitrary: tunnel },
);
const asText = <T>(from: fc.Arbitrary<T>) => from.map((value): Frame => ({ text: text(value) }));
const wrong = (from: fc.Arbitrary<object>) => asText(from).map((each): Frame => ({ ...each, wrong: true }));
const cut = (value: unknown, at: number): Frame => ({ text: text(value).slice(0, at) });

const frame: fc.Arbitrary<Frame> = fc.oneof(
  { weight: 100, arbitrary: asText(right) },
  { weight: 6, arbitrary: asText(right.chain(spoiled)) },
  { weight: 4, arbitrary: wrong(harmful) },
  { weight: 2, arbitrary: wrong(contradicting) },
  { weight: 1, arbitrary: asText(absurd) },
  { weight: 1, arbitrary: fc.tuple(right, fc.nat(1000)).map(([value, at]) => cut(value, at)) },
  { weight: 1, arbitrary: asText(fc.oneof(challenge, wrongChallenge)) },
  { weight: 1, arbitrary: right.map((value): Frame => ({ text: text(value), as: "binary" })) },
  { weight: 1, arbitrary: right.map((value): Frame => ({ text: text(value), as: "broken" })) },
  { weight: 1, arbitrary: oddText.map((odd): Frame => ({ text: odd })) },
  {
    weight: 2,
    arbitrary: right.map((value) => ({
      text: text(value).replace("{", '{"__proto__":{"type":"welcome"},"x":1,'),
    })),
  },
  {
    weight: 1,
    arbitrary: own<Frame>({ text: "ping" }, { text: "pong" }, { text: "" }, { text: "[".repeat(1e5) }),
  },
);
/** Over the agent's limit. Rare, because the run would otherwise mostly copy bytes. */
const huge: fc.Arbitrary<Frame> = fc.tuple(right, own(2 ** 20, 2 ** 20, 2 ** 25)).map(([value, size]) => ({
  text: text(value),
  huge: size,
}));

export const conversation: fc.Arbitrary<Frame[]> = fc
  .tuple(
    fc.oneof({ weight: 30, arbitrary: asText(challenge) }, asText(wrongChallenge), frame),
    fc.oneof({ weight: 30, arbitrary: asText(welcome) }, frame),
    fc.array(frame, { minLength: 1, maxLength: 40 }),
    fc.option(huge, { nil: undefined, freq: 50 }),
  )
  .map(([first, second, rest, last]) => [first, second, ...rest, ...(last ? [last] : [])]);
