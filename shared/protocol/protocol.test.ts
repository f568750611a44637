import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { z } from "zod";
import { FACTS } from "../testing/fixtures.ts";
import { AgentMessage, ApiMessage, CLOSE, connectProof, PROTOCOL } from "./protocol.ts";

/** Messages with every optional field set. */
const container = {
  host: "main1",
  role: "main",
  rank: 0,
  address: "10.64.0.2",
  image: "debian:12",
  command: ["a"],
  entrypoint: ["b"],
  user: "1000",
  workdir: "/w",
  env: { A: "1" },
  launchers: { NODE_RANK: "0" },
  files: ["/.skein/self/hostfile"],
  resources: { cpu: 0.5, memory: 1, shm: 1, gpuIds: ["0"] },
  maxRestarts: 3,
};
const key = "A".repeat(43);
const identity = { host: "main1", user: "root", hostKey: key, userKey: key };
const layout = {
  name: "train",
  network: {
    driver: "overlay",
    subnet: "10.64.0.0/24",
    mtu: 1450,
    vni: 0x800000,
    port: 14789,
    egress: true,
  },
  nodes: [
    ["192.0.2.1", "10.64.0.254"],
    ["192.0.2.2", "10.64.0.253"],
  ],
  roles: [
    ["main", 1],
    ["sub", 1],
  ],
  slots: [1, 2],
  members: [
    ["10.64.0.2", 0, 0],
    ["10.64.0.3", 1, 1],
  ],
  env: { A: "1" },
  launchers: { NNODES: "2" },
  logs: { bytes: 2 ** 20, seconds: 60 },
};
const part = { place: 0, containers: [container], proof: { ssh: ["sub1"], ping: [1] } };
const keys = [
  ["root", key, key],
  ["dev", key, key],
];
const assign = {
  type: "assign",
  session: "ses_1",
  epoch: 1,
  phase: "started",
  layout,
  part,
  keys,
  force: true,
};
const capacity = { cpu: 4, memory: 1, gpu: 0 };
const hello = {
  type: "hello",
  protocol: PROTOCOL,
  fleet: "flt_1",
  node: "node_1",
  signature: "abc",
  bootId: "boot",
  address: "192.0.2.1",
  capacity,
  facts: FACTS,
  has: [{ session: "ses_1", epoch: 1, keys: true }],
  nodes: 7,
};
const report = {
  type: "report",
  session: "ses_1",
  epoch: 1,
  phase: "running",
  containers: [{ host: "main1", status: "exited", containerId: "c", exitCode: 3, output: "x", reason: "y" }],
  identities: [identity],
  failure: { code: "image", host: "main1", message: "no such image" },
};

const toApi: unknown[] = [
  hello,
  report,
  { type: "facts", capacity, facts: FACTS },
  { type: "rotate", publicKey: key, signature: "abc" },
];
const toAgent: unknown[] = [
  { type: "challenge", protocol: PROTOCOL, fleet: "flt_1", nonce: "n" },
  { type: "welcome", protocol: PROTOCOL.max, connection: 7, redialMs: 0, assignments: [assign] },
  assign,
  { type: "rotated", publicKey: key },
  { type: "nodes", since: 6, number: 7, added: ["192.0.2.1", "192.0.2.3-192.0.2.9"], removed: [] },
];

describe("messages", () => {
  test.each([
    [AgentMessage, toApi],
    [ApiMessage, toAgent],
  ] as [z.ZodType, unknown[]][])("arrive as they were sent", (schema, messages) => {
    for (const message of messages)
      expect(schema.parse(JSON.parse(JSON.stringify(message)))).toEqual(message);
  });

  test("a field that is missing, or of another type, is refused without an exception", () => {
    const all = [...toApi.map((m) => [AgentMessage, m]), ...toAgent.map((m) => [ApiMessage, m])] as [
      z.ZodType,
      Record<string, unknown>,
    ][];
    const optional = new Set(["identities", "force", "failure", "keys"]);
    for (const [schema, message] of all) {
      for (const name of Object.keys(message)) {
        const { [name]: _, ...rest } = message;
        expect([name, schema.safeParse(rest).success]).toEqual([name, optional.has(name)]);
        expect([name, schema.safeParse({ ...message, [name]: null }).success]).toEqual([name, false]);
      }
    }
  });

  const network = (change: object) => ({
    ...assign,
    layout: { ...layout, network: { ...layout.network, ...change } },
  });
  const named = (user: string) => ({ ...assign, keys: [keys[0], [user, key, key]] });
  const made = (change: object) => ({
    ...assign,
    part: { ...part, containers: [{ ...container, ...change }] },
  });
  test.each<[string, object]>([
    ["with an invalid session id", { ...assign, session: "../x" }],
    ["with a layout and no part", { ...assign, part: undefined }],
    ["with a part and no layout", { ...assign, layout: undefined, keys: undefined }],
    ["with a part outside its nodes", { ...assign, part: { ...part, place: 2 } }],
    ["with a member outside its nodes", { ...assign, layout: { ...layout, nodes: layout.nodes.slice(1) } }],
    [
      "with fewer members than its roles need",
      { ...assign, layout: { ...layout, members: [["10.64.0.2", 0, 0]] } },
    ],
    ["with slots of fewer roles than it has", { ...assign, layout: { ...layout, slots: [1] } }],
    ["with fewer keys than members", { ...assign, keys: keys.slice(1) }],
    ["with a key of two lines", { ...assign, keys: [keys[0], ["root", "ssh-ed25519 AAAA", key]] }],
    [
      "with a role that is a path",
      {
        ...assign,
        layout: {
          ...layout,
          roles: [
            ["../x", 1],
            ["sub", 1],
          ],
        },
      },
    ],
    ["with a host of two lines", made({ host: "a\nb" })],
    [
      "with a host to log in to that is an option",
      { ...assign, part: { ...part, proof: { ssh: ["-x"], ping: [] } } },
    ],
    ["with an image that is a path of Docker's API", made({ image: "a/../../containers/json" })],
    ["with a VNI of 25 bits", network({ vni: 2 ** 24 })],
    ["with an invalid port", network({ port: 65536 })],
    ["with an invalid MTU", network({ mtu: 0 })],
    ["with a login name of two lines", named("root\n  ProxyCommand sh")],
    ["with a login name that is an option", named("-oProxyCommand=sh")],
  ])("an assignment %s is refused", (_what, wrong) => {
    expect(ApiMessage.safeParse(assign).success).toBe(true);
    expect(ApiMessage.safeParse(wrong).success).toBe(false);
  });

  test("a later frame of an epoch has its phase, or its phase and the keys", () => {
    const { layout: _, part: __, keys: ___, ...bare } = assign;
    expect(ApiMessage.parse(bare)).toEqual(bare);
    expect(ApiMessage.parse({ ...bare, keys })).toEqual({ ...bare, keys });
  });

  test.each([
    "192.0.2.9-192.0.2.1",
    "192.0.2.1-192.0.2.2-192.0.2.3",
    "192.0.2.1-",
    "::1",
    "192.0.2.1; flush ruleset",
  ])("%j is not a range of addresses", (range) => {
    const nodes = { type: "nodes", since: 0, number: 1, added: [range], removed: [] };
    expect(ApiMessage.safeParse(nodes).success).toBe(false);
  });

  test("junk never throws", () => {
    const types = fc.constantFrom("hello", "report", "facts", "challenge", "welcome", "assign", "other");
    const junk = fc.oneof(
      fc.anything(),
      fc.tuple(types, fc.dictionary(fc.string(), fc.anything())).map(([type, rest]) => ({ ...rest, type })),
    );
    fc.assert(
      fc.property(junk, (value) => {
        expect(AgentMessage.safeParse(value).success).toBe(false);
        expect(ApiMessage.safeParse(value).success).toBe(false);
      }),
      { numRuns: 500 },
    );
  });

  test("a message with one value replaced by junk is read or refused, without an exception", () => {
    const broken = fc
      .tuple(fc.constantFrom(...toApi, ...toAgent), fc.nat(), fc.anything({ withNullPrototype: true }))
      .map(([message, at, junk]) => replaceLeaf(message, at, junk));
    fc.assert(
      fc.property(broken, (value) => {
        AgentMessage.safeParse(value);
        ApiMessage.safeParse(value);
      }),
      { numRuns: 500 },
    );
  });
});

/** The message with its (at mod count)-th value, counted in depth, replaced. */
function replaceLeaf(message: unknown, at: number, junk: unknown): unknown {
  const paths: string[][] = [];
  const walk = (value: unknown, path: string[]): void => {
    if (typeof value !== "object" || value === null) return;
    for (const [key, inner] of Object.entries(value)) {
      paths.push([...path, key]);
      walk(inner, [...path, key]);
    }
  };
  walk(message, []);
  const copy = structuredClone(message);
  const path = paths[at % paths.length]!;
  let inside = copy as Record<string, unknown>;
  for (const key of path.slice(0, -1)) inside = inside[key] as Record<string, unknown>;
  inside[path.at(-1)!] = junk;
  return copy;
}

test("a proof is valid for one fleet, one node, one nonce", () => {
  const proofs = [
    connectProof("f", "n", "x"),
    connectProof("f", "n", "y"),
    connectProof("f", "m", "x"),
    connectProof("g", "n", "x"),
  ];
  expect(new Set(proofs).size).toBe(4);
});

test("close codes are in the application's range, and distinct (RFC 6455, 7.4.2)", () => {
  const codes = Object.values(CLOSE).map(({ code }) => code);
  expect(new Set(codes).size).toBe(codes.length);
  for (const code of codes) {
    expect(code).toBeGreaterThanOrEqual(4000);
    expect(code).toBeLessThanOrEqual(4999);
  }
});
