import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { z } from "zod";
import { FACTS } from "../testing/fixtures.ts";
import { AgentMessage, ApiMessage, CLOSE, connectProof } from "./protocol.ts";

/** Messages with every optional field there. */
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
  resources: { cpu: 0.5, memory: 1, shm: 1, gpuIds: ["0"] },
  maxRestarts: 3,
};
const identity = { host: "main1", user: "root", hostKey: "ssh-ed25519 AAAA", userKey: "ssh-ed25519 BBBB" };
const assign = {
  type: "assign",
  session: "ses_1",
  epoch: 1,
  phase: "started",
  assignment: {
    session: "ses_1",
    name: "train",
    epoch: 1,
    network: {
      driver: "overlay",
      subnet: "10.64.0.0/24",
      gateway: "10.64.0.254",
      vtep: "192.0.2.1",
      mtu: 1450,
      vni: 0x800000,
      port: 14789,
      egress: true,
      peers: [{ nodeId: "node_2", vtep: "192.0.2.2", gateway: "10.64.0.253" }],
    },
    containers: [container],
    members: [{ host: "main1", address: "10.64.0.2", nodeId: "node_1" }],
    proofs: [{ from: "main1", to: ["main1"] }],
  },
  identities: [identity],
  force: true,
};
const capacity = { cpu: 4, memory: 1, gpu: 0 };
const hello = {
  type: "hello",
  protocol: { min: 1, max: 1 },
  fleet: "flt_1",
  node: "node_1",
  signature: "abc",
  bootId: "boot",
  address: "192.0.2.1",
  capacity,
  facts: FACTS,
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

const toApi: unknown[] = [hello, report, { type: "facts", capacity, facts: FACTS }];
const toAgent: unknown[] = [
  { type: "challenge", protocol: { min: 1, max: 1 }, fleet: "flt_1", nonce: "n" },
  { type: "welcome", protocol: 1, connection: 7, assignments: [assign] },
  assign,
];

describe("messages", () => {
  test.each([
    [AgentMessage, toApi],
    [ApiMessage, toAgent],
  ] as [z.ZodType, unknown[]][])("arrive as they were sent", (schema, messages) => {
    for (const message of messages)
      expect(schema.parse(JSON.parse(JSON.stringify(message)))).toEqual(message);
  });

  test("a field that is missing, or of another kind, is refused, not thrown", () => {
    const all = [...toApi.map((m) => [AgentMessage, m]), ...toAgent.map((m) => [ApiMessage, m])] as [
      z.ZodType,
      Record<string, unknown>,
    ][];
    const optional = new Set(["identities", "force", "failure"]);
    for (const [schema, message] of all) {
      for (const key of Object.keys(message)) {
        const { [key]: _, ...rest } = message;
        expect([key, schema.safeParse(rest).success]).toEqual([key, optional.has(key)]);
        expect([key, schema.safeParse({ ...message, [key]: null }).success]).toEqual([key, false]);
      }
    }
  });

  const { network } = assign.assignment;
  const within = (change: object) => ({ ...assign, assignment: { ...assign.assignment, ...change } });
  const named = (user: string) => ({ ...assign, identities: [{ ...identity, user }] });
  test.each<[string, object]>([
    ["of another session", within({ session: "ses_2" })],
    ["of another epoch", within({ epoch: 2 })],
    ["whose session is no id", { ...within({ session: "../x" }), session: "../x" }],
    ["with a host that is a path", within({ members: [{ ...assign.assignment.members[0], host: "../x" }] })],
    ["with a host of two lines", within({ members: [{ ...assign.assignment.members[0], host: "a\nb" }] })],
    [
      "with an image that is a path of Docker's API",
      within({ containers: [{ ...container, image: "a/../../containers/json" }] }),
    ],
    ["with a VNI of 25 bits", within({ network: { ...network, vni: 2 ** 24 } })],
    ["with a port that is none", within({ network: { ...network, port: 65536 } })],
    ["with an MTU that is none", within({ network: { ...network, mtu: 0 } })],
    ["with a login name of two lines", named("root\n  ProxyCommand sh")],
    ["with a login name that is an option", named("-oProxyCommand=sh")],
  ])("an assignment %s is refused", (_what, wrong) => {
    expect(ApiMessage.safeParse(assign).success).toBe(true);
    expect(ApiMessage.safeParse(wrong).success).toBe(false);
  });

  test("only what is to be removed needs no assignment", () => {
    const { assignment: _, ...bare } = assign;
    expect(ApiMessage.safeParse({ ...bare, phase: "removed" }).success).toBe(true);
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

  test("a message with one value replaced by junk is read or refused, never thrown", () => {
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

test("a proof fits one fleet, one node, one nonce", () => {
  const proofs = [
    connectProof("f", "n", "x"),
    connectProof("f", "n", "y"),
    connectProof("f", "m", "x"),
    connectProof("g", "n", "x"),
  ];
  expect(new Set(proofs).size).toBe(4);
});

test("close codes are the application's own, and distinct (RFC 6455, 7.4.2)", () => {
  const codes = Object.values(CLOSE).map(({ code }) => code);
  expect(new Set(codes).size).toBe(codes.length);
  for (const code of codes) {
    expect(code).toBeGreaterThanOrEqual(4000);
    expect(code).toBeLessThanOrEqual(4999);
  }
});
