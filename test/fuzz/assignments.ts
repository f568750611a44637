/** Frames for an agent that really does what they say: right assignments of an engine's sessions, and each with something absurd in it. */
import fc from "fast-check";
import { PHASES, type Phase } from "../../shared/lifecycle.ts";
import type { Assign, Assignment, Identity } from "../../shared/protocol.ts";
import { identityOf } from "../support/node.ts";

/** One of a few sessions, at a phase and an epoch, changed in one way (0: not), said this often. */
export interface Move {
  session: number;
  phase: Phase;
  epoch: number;
  change: number;
  times: number;
  /** Not those that its containers have. */
  strangersKeys: boolean;
}

type Change = (assignment: Assignment) => object;

const network =
  (change: Partial<Assignment["network"]> | object): Change =>
  (all) => ({
    network: { ...all.network, ...change },
  });
const container =
  (change: object): Change =>
  (all) => ({
    containers: all.containers.map((each, at) => (at === 0 ? { ...each, ...change } : each)),
  });
const peer = { nodeId: "node_nowhere", vtep: "203.0.113.9", gateway: "10.64.0.200" };

/** What the protocol lets pass, and no planner would make. */
const CHANGES: Change[] = [
  () => ({}),
  ...[
    { subnet: "0.0.0.0/0" },
    { subnet: "10.64.0.0/32" },
    { subnet: "127.0.0.0/8" },
    { subnet: "224.0.0.0/4" },
  ].map(network),
  ...[{ gateway: "203.0.113.1" }, { gateway: "10.64.0.2" }, { vtep: "203.0.113.1" }, { vtep: "0.0.0.0" }].map(
    network,
  ),
  ...[
    { mtu: 68 },
    { mtu: 65535 },
    { port: 1 },
    { port: 65535 },
    { vni: 1 },
    { vni: 0xffffff },
    { egress: false },
  ].map(network),
  ...[{ peers: [peer] }, { peers: [peer, peer, { ...peer, nodeId: "__proto__" }] }].map(network),
  network({ driver: "overlay", vni: undefined }),
  network({ driver: "overlay", vni: 0x800000, peers: [{ ...peer, vtep: "127.0.0.1" }] }),
  (all) => ({ containers: [...all.containers, ...all.containers] }),
  (all) => ({ containers: all.containers.map((each) => ({ ...each, host: "stranger1" })) }),
  (all) => ({ containers: all.containers.map((each) => ({ ...each, address: all.network.gateway })) }),
  () => ({ containers: [] }),
  () => ({ members: [] }),
  (all) => ({ members: [...all.members, ...all.members] }),
  (all) => ({ members: [...all.members, { host: "far1", address: "10.64.0.9", nodeId: "node_nowhere" }] }),
  () => ({ proofs: [{ from: "nobody1", to: ["main1"] }] }),
  () => ({ proofs: [{ from: "main1", to: ["nobody1", "main1", "__proto__".replaceAll("_", "x")] }] }),
  () => ({ name: "\0\n../../x" }),
  ...[
    { address: "203.0.113.7" },
    { image: "../../containers/json" },
    { image: "" },
    { image: "skein/none:0" },
  ].map(container),
  ...[
    { env: { "A\0": "b" } },
    { env: { A: "b\0c" } },
    { env: { "": "x", "A=B": "c", PATH: "/nowhere" } },
  ].map(container),
  ...[{ command: ["a\0b"] }, { command: [] }, { entrypoint: [""] }, { entrypoint: [], command: ["\n"] }].map(
    container,
  ),
  ...[
    { user: "../.." },
    { user: "0:0:0" },
    { user: "\0" },
    { user: "-1" },
    { workdir: "../../.." },
    { workdir: "\0" },
  ].map(container),
  ...[{ cpu: 1e308 }, { cpu: -1 }, { memory: 1 }, { memory: -1 }, { shm: -1 }, { shm: 2 ** 52 }].map(
    (limit) => container({ resources: { gpuIds: [], ...limit } }),
  ),
  container({ resources: { gpuIds: ["all", "../../dev/null"] } }),
];

export const moves: fc.Arbitrary<Move> = fc.record({
  session: fc.nat(3),
  phase: fc.constantFrom("prepared", "started", "running", ...PHASES),
  epoch: fc.constantFrom(1, 1, 2, 2, 3),
  change: fc.oneof(fc.constant(0), fc.nat(CHANGES.length - 1)),
  times: fc.constantFrom(1, 1, 2, 5),
  strangersKeys: fc.nat(5).map((n) => n === 0),
});

/** The frame of a move. `identities` are those that the agent reported. */
export function assignFor(
  { phase, epoch, change, strangersKeys }: Move,
  planned: Assignment,
  identities: readonly Identity[],
): Assign {
  const { session } = planned;
  if (phase === "removed") return { type: "assign", session, epoch, phase, force: change % 2 === 0 };
  const assignment = { ...planned, ...CHANGES[change]!(planned), epoch };
  const keys = strangersKeys ? planned.members.map(({ host }) => identityOf(host)) : [...identities];
  return {
    type: "assign",
    session,
    epoch,
    phase,
    assignment,
    ...(phase === "prepared" ? {} : { identities: keys }),
  };
}

/** Frames that are to be refused whole. */
export function refusedFrames(assign: Assign): object[] {
  const { assignment } = assign;
  const hosts = ["../../etc", "/etc/passwd", ";rm -rf x", "a\0"].map((host) => ({
    ...assign,
    assignment: { ...assignment, containers: [{ ...assignment!.containers[0], host }] },
  }));
  const sessions = ["../../etc", "a;rm", "a\0b"].map((session) => ({
    ...assign,
    session,
    assignment: { ...assignment, session },
  }));
  return [...hosts, ...sessions];
}
