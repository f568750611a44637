/** Frames for an agent that really does what they say: right assignments of an engine's sessions, and each with something absurd in it. */
import fc from "fast-check";
import type { Assign, Assignment, Identity } from "../../shared/protocol/protocol.ts";
import { PHASES, type Phase } from "../../shared/session/lifecycle.ts";

/** A word on a session: the phase wanted, at this epoch, said this often. */
export interface Step {
  phase: Phase;
  epoch: number;
  times: number;
  /** Whether the next word is to wait until the node has done something of this one. */
  settles: boolean;
}

/** One session's life, with an assignment that is changed in one way. */
export interface Scenario {
  steps: Step[];
  /** With keys that are not those that its containers have. */
  strangersKeys: boolean;
}

export type Change = (assignment: Assignment) => object;

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

/** What the protocol lets pass, and no planner would make; the first is none. */
export const CHANGES: Change[] = [
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
  () => ({ proofs: [{ from: "main1", to: ["nobody1", "main1", "proto"] }] }),
  () => ({ name: "\0\n../../x" }),
  ...[
    { address: "203.0.113.7" },
    { image: "no.such.host/x" },
    { image: "a:b:c@d" },
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
    { mounts: [{ source: "/etc", target: "/d", readOnly: false }] },
    { devices: ["/dev/mem"] },
    { privileged: true },
    { hostNetwork: true },
    { hostNetwork: true, address: "203.0.113.7" },
    { workdir: "../../.." },
    { workdir: "\0" },
  ].map(container),
  ...[{ cpu: 1e308 }, { cpu: -1 }, { memory: 1 }, { memory: -1 }, { shm: -1 }, { shm: 2 ** 52 }].map(
    (limit) => container({ resources: { gpuIds: [], ...limit } }),
  ),
  container({ resources: { gpuIds: ["all", "../../dev/null"] } }),
];

const step: fc.Arbitrary<Step> = fc.record({
  phase: fc.constantFrom(...PHASES, "prepared", "prepared", "started", "started", "running", "running"),
  epoch: fc.constantFrom(1, 1, 1, 1, 2, 2, 3),
  times: fc.constantFrom(1, 1, 2, 8),
  settles: fc.nat(7).map((n) => n === 0),
});

/** Up as far as it goes, then anything. */
export const scenario: fc.Arbitrary<Scenario> = fc.record({
  steps: fc.array(step, { minLength: 2, maxLength: 10 }).map((rest) => [
    ...(["prepared", "started", "running"] as const).map((phase) => ({
      ...{ phase, epoch: 1, times: 2, settles: true },
    })),
    ...rest,
  ]),
  strangersKeys: fc.nat(7).map((n) => n === 0),
});

/** The frame of a step. `identities` are those that the agent reported. */
export function assignFor(
  { phase, epoch }: Step,
  change: Change,
  planned: Assignment,
  identities: readonly Identity[],
): Assign {
  const { session } = planned;
  if (phase === "removed") return { type: "assign", session, epoch, phase, force: true };
  const assignment = { ...planned, ...change(planned), epoch };
  const keys = phase === "prepared" ? {} : { identities: [...identities] };
  return { type: "assign", session, epoch, phase, assignment, ...keys };
}

/** Frames that are to be refused whole. */
export function refusedFrames(assign: Assign): object[] {
  const { assignment } = assign;
  const hosts = ["../../etc", ";rm -rf x"].map((host) => ({
    ...assign,
    assignment: { ...assignment, containers: [{ ...assignment!.containers[0], host }] },
  }));
  const sessions = ["a\0b"].map((session) => ({
    ...assign,
    session,
    assignment: { ...assignment, session },
  }));
  const images = ["a/../../containers/json", ""].map((image) => ({
    ...assign,
    assignment: { ...assignment, containers: [{ ...assignment!.containers[0], image }] },
  }));
  return [...hosts, ...images, ...sessions];
}
