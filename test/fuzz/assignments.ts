/** Frames for an agent that really carries them out: valid assignments of sessions, and the same with something absurd in them. */
import fc from "fast-check";
import type { Layout, Part, SessionKeys } from "../../shared/protocol/assignment.ts";
import { PHASES, type Phase } from "../../shared/session/lifecycle.ts";

/** A frame of a session: the wanted phase, at this epoch, sent this often. */
export interface Step {
  phase: Phase;
  epoch: number;
  times: number;
  /** Whether the next frame waits until the node has reacted to this one. */
  settles: boolean;
}

/** The steps of one session, whose assignment has one change. */
export interface Scenario {
  steps: Step[];
  /** With keys that are not those of its containers. */
  strangersKeys: boolean;
}

/** The layout of a session, and this node's part. */
export interface Sent {
  layout: Layout;
  part: Part;
}
export type Change = (sent: Sent) => { layout?: object; part?: object };

const layout =
  (change: object): Change =>
  () => ({ layout: change });
const part =
  (change: object): Change =>
  () => ({ part: change });
const network =
  (change: object): Change =>
  ({ layout: all }) => ({ layout: { network: { ...all.network, ...change } } });
const container =
  (change: object): Change =>
  ({ part: { containers } }) => ({
    part: { containers: containers.map((each, at) => (at === 0 ? { ...each, ...change } : each)) },
  });
/** This node's VTEP, and its own address in the subnet. */
const own =
  (vtep: string, gateway: string): Change =>
  ({ layout: { nodes } }) => ({ layout: { nodes: [[vtep, gateway], ...nodes.slice(1)] } });
const beside =
  (...others: [string, string][]): Change =>
  ({ layout: { nodes } }) => ({ layout: { nodes: [...nodes, ...others] } });

/** Changes that the protocol accepts but no planner would make; the first one changes nothing. */
export const CHANGES: Change[] = [
  () => ({}),
  ...[
    { subnet: "0.0.0.0/0" },
    { subnet: "10.64.0.0/32" },
    { subnet: "127.0.0.0/8" },
    { subnet: "224.0.0.0/4" },
  ].map(network),
  own("198.51.100.11", "203.0.113.1"),
  own("198.51.100.11", "10.64.0.2"),
  own("203.0.113.1", "10.64.0.254"),
  own("0.0.0.0", "10.64.0.254"),
  ...[
    { mtu: 68 },
    { mtu: 65535 },
    { port: 1 },
    { port: 65535 },
    { vni: 1 },
    { vni: 0xffffff },
    { egress: false },
  ].map(network),
  beside(["203.0.113.9", "10.64.0.200"]),
  beside(["203.0.113.9", "10.64.0.200"], ["203.0.113.9", "10.64.0.200"]),
  beside(["127.0.0.1", "10.64.0.200"]),
  network({ driver: "overlay", vni: undefined }),
  network({ driver: "bridge" }),
  ({ part: { containers } }) => ({ part: { containers: [...containers, ...containers] } }),
  ({ part: { containers } }) => ({
    part: { containers: containers.map((each) => ({ ...each, host: "stranger1" })) },
  }),
  ({ layout: { nodes }, part: { containers } }) => ({
    part: { containers: containers.map((each) => ({ ...each, address: nodes[0]![1] })) },
  }),
  part({ containers: [] }),
  layout({ members: [], roles: [], slots: [] }),
  ({ layout: { members } }) => ({ layout: { members: members.map(() => members[0]) } }),
  ({ layout: { nodes, members, roles, slots } }) => ({
    layout: {
      nodes: [...nodes, ["203.0.113.9", "10.64.0.200"]],
      members: [...members, ["10.64.0.9", nodes.length, 0]],
      roles: [...roles, ["far", 1]],
      slots: [...slots, 1],
    },
  }),
  ({ layout: { members } }) => ({
    layout: { members: members.map(([address, place]) => [address, place, 1]) },
  }),
  part({ proof: { ssh: ["nobody1"], ping: [] } }),
  part({ proof: { ssh: ["nobody1", "main1", "proto"], ping: [0, 0, 1023] } }),
  layout({ name: "\0\n../../x" }),
  layout({ env: { "A\0": "b" } }),
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

/** As far up as it gets, then anything. */
export const scenario: fc.Arbitrary<Scenario> = fc.record({
  steps: fc.array(step, { minLength: 2, maxLength: 10 }).map((rest) => [
    ...(["prepared", "started", "running"] as const).map((phase) => ({
      ...{ phase, epoch: 1, times: 2, settles: true },
    })),
    ...rest,
  ]),
  strangersKeys: fc.nat(7).map((n) => n === 0),
});

/** Public keys that no container has. */
const STRANGER: SessionKeys[number] = ["root", "A".repeat(43), "A".repeat(43)];

/** The frame of a step. `keys`: those that the agent reported; a stranger's keys replace missing ones. */
export function assignFor(
  { phase, epoch }: Step,
  session: string,
  sent: Sent,
  change: Change,
  keys: SessionKeys,
): object {
  if (phase === "removed") return { type: "assign", session, epoch, phase, force: true };
  const changed = change(sent);
  const layout: Layout = { ...sent.layout, ...changed.layout };
  return {
    ...{ type: "assign", session, epoch, phase, layout },
    part: { ...sent.part, ...changed.part },
    ...(phase === "prepared" ? {} : { keys: layout.members.map((_, rank) => keys[rank] ?? STRANGER) }),
  };
}

/** Frames that the agent must refuse as a whole. */
export function refusedFrames(session: string, sent: Sent): object[] {
  const right = { type: "assign", session, epoch: 1, phase: "prepared", ...sent };
  const [first] = sent.part.containers;
  const changed = (change: object) => ({
    ...right,
    part: { ...sent.part, containers: [{ ...first, ...change }] },
  });
  return [
    ...["../../etc", ";rm -rf x"].map((host) => changed({ host })),
    ...["a/../../containers/json", ""].map((image) => changed({ image })),
    { ...right, session: "a\0b" },
    { ...right, part: { ...sent.part, place: 7 } },
  ];
}
