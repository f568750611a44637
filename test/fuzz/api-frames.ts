/** What the API, or who answers in its place, may send to an agent: conversations of right, spoiled and absurd frames. */
import fc from "fast-check";
import type { Assign } from "../../shared/protocol/protocol.ts";
import { PHASES } from "../../shared/session/lifecycle.ts";
import { identityOf } from "../support/node.ts";
import { type Frame, text } from "./node-frames.ts";
import { absurd, oddText, spoiled } from "./values.ts";

export const FLEET = "flt_fuzz";

const own = <T>(...all: T[]) => fc.constantFrom(...all);

/** A right `assign` of a session of two, on this node and on another. */
export function assignOf(session: string, epoch: number, phase: Assign["phase"]): Assign {
  const container = (host: string, rank: number) => ({
    ...{ host, role: "main", rank, address: `10.64.0.${rank + 2}`, image: "debian:12" },
    ...{ command: ["a"], env: { A: "1" }, resources: { cpu: 0.5, memory: 2 ** 26, gpuIds: ["0"] } },
  });
  return {
    ...{ type: "assign", session, epoch, phase },
    ...(phase === "removed"
      ? { force: true }
      : {
          assignment: {
            ...{ session, name: session, epoch },
            network: {
              ...{ driver: "overlay", subnet: "10.64.0.0/24", gateway: "10.64.0.254", vtep: "192.0.2.1" },
              ...{ mtu: 1450, vni: 0x800000, port: 14789, egress: true },
              peers: [{ nodeId: "node_2", vtep: "192.0.2.2", gateway: "10.64.0.253" }],
            },
            containers: [container("main1", 0)],
            members: [
              { host: "main1", address: "10.64.0.2", nodeId: "node_1" },
              { host: "sub1", address: "10.64.0.3", nodeId: "node_2" },
            ],
            proofs: [{ from: "main1", to: ["sub1"] }],
          },
        }),
    ...(phase === "started" || phase === "running"
      ? { identities: [identityOf("main1"), identityOf("sub1")] }
      : {}),
  } as Assign;
}

const assign = fc
  .tuple(own("ses_1", "ses_2", "__proto__", "s".repeat(64)), own(1, 1, 2, 2 ** 53 - 1), own(...PHASES))
  .map(([session, epoch, phase]) => assignOf(session, epoch, phase));

/** Right in each part, but the parts do not belong together. */
const contradicting = fc
  .tuple(
    assign.filter(({ assignment }) => assignment !== undefined),
    own<(all: Assign) => object>(
      (all) => ({ ...all, assignment: undefined }),
      (all) => ({ ...all, session: "ses_3" }),
      (all) => ({ ...all, epoch: all.epoch === 3 ? 4 : 3 }),
      (all) => ({ ...all, assignment: { ...all.assignment, session: "ses_3" } }),
    ),
  )
  .map(([all, change]) => change(all));

const network = (change: object) => (all: Assign) => ({
  ...all,
  assignment: { ...all.assignment, network: { ...all.assignment!.network, ...change } },
});
const part = (change: object) => (all: Assign) => ({ ...all, assignment: { ...all.assignment, ...change } });

/** Things in an assignment that would end up in kernel, firewall, files or SSH configurations. */
const harmful = fc
  .tuple(
    assign.filter(({ assignment }) => assignment !== undefined),
    own<(all: Assign) => object>(
      ...[
        { subnet: "10.64.0.0" },
        { subnet: "10.64.0.0/33" },
        { subnet: '10.0.0.0/8 } ; flush ruleset ; { "' },
      ].map(network),
      ...[{ mtu: 0 }, { mtu: 2 ** 31 }, { mtu: -1 }, { vni: 0 }, { vni: 2 ** 24 }, { vni: -1 }].map(network),
      ...[{ port: 0 }, { port: 65536 }, { port: 1e21 }, { gateway: "::1" }, { vtep: "host" }].map(network),
      ...[{ peers: [{ nodeId: "a\nb", vtep: "192.0.2.2", gateway: "10.64.0.253" }] }].map(network),
      ...["../../etc", "a/b", "main1\n", ";rm -rf x", "\0", "-h", "Main1", ""].map((host) =>
        part({ members: [{ host, address: "10.64.0.2", nodeId: "node_1" }] }),
      ),
      ...["../../etc", "main1\n10.0.0.1 evil"].map((host) =>
        part({ proofs: [{ from: "main1", to: [host] }] }),
      ),
      ...["../../containers/json", "a/../../containers/json", "a//b", ""].map(
        (image) => (all: Assign) => part({ containers: [{ ...all.assignment!.containers[0], image }] })(all),
      ),
      (all) => ({ ...all, identities: [{ ...identityOf("main1"), user: "root\n  ProxyCommand sh" }] }),
      (all) => ({ ...all, identities: [{ ...identityOf("main1"), user: "-oProxyCommand=sh" }] }),
      (all) => ({ ...all, identities: [{ ...identityOf("main1"), hostKey: "ssh-ed25519 AAAA\nx" }] }),
    ),
  )
  .map(([all, change]) => change(all));

const welcome = fc
  .tuple(own(1, 2, 2 ** 53 - 1), fc.array(assign, { maxLength: 3 }))
  .map(([connection, assignments]) => ({ type: "welcome", protocol: 1, connection, assignments }));
const challenge = fc.constant({ type: "challenge", protocol: { min: 1, max: 1 }, fleet: FLEET, nonce: "n" });
const wrongChallenge = own(
  ...[{ fleet: "flt_2" }, { fleet: "" }, { protocol: { min: 2, max: 9 } }, { protocol: { min: 9, max: 1 } }],
  ...[{ protocol: { min: -1, max: 0 } }, { nonce: "n".repeat(257) }, { nonce: 1 }, { nonce: "\n\0" }],
).map((wrong) => ({ type: "challenge", protocol: { min: 1, max: 1 }, fleet: FLEET, nonce: "n", ...wrong }));

const rotated = own("A".repeat(43), "", "\0", "node-key.pem").map((publicKey) => ({
  type: "rotated",
  publicKey,
}));
const nodes = own(
  ["192.0.2.1"],
  [],
  ["0.0.0.0", "255.255.255.255"],
  ["192.0.2.1; flush ruleset"],
  ["::1"],
).map((addresses) => ({ type: "nodes", addresses }));

const right = fc.oneof(
  { weight: 20, arbitrary: assign },
  { weight: 4, arbitrary: welcome },
  { weight: 1, arbitrary: rotated },
  { weight: 1, arbitrary: nodes },
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
/** Over the agent's limit; one in a few conversations would fill the run with copying. */
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
