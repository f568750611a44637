import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { readFrame } from "./api-frames.ts";

const assignment = {
  session: "ses_1",
  name: "one",
  epoch: 1,
  network: {
    driver: "bridge",
    subnet: "10.64.0.0/24",
    gateway: "10.64.0.254",
    vtep: "192.0.2.1",
    mtu: 1500,
    port: 14789,
    egress: true,
    peers: [],
  },
  containers: [],
  members: [],
  proofs: [],
  fromTheFuture: { b: 1, a: 2 },
};
const assign = { type: "assign", session: "ses_1", epoch: 1, phase: "prepared", assignment };

test("an assignment's hash is of what was sent, also of what this version does not know", () => {
  const hash = createHash("sha256").update(JSON.stringify(assignment)).digest("hex");
  expect(readFrame(JSON.stringify(assign))).toMatchObject({ type: "assign", hash });
  const welcome = { type: "welcome", protocol: 1, connection: 7, assignments: [assign] };
  expect(readFrame(JSON.stringify(welcome))).toMatchObject({ assignments: [{ hash }] });
});

test.each([
  ["no JSON", "{"],
  ["no such type", '{"type":"explode"}'],
  ["a field is missing", '{"type":"challenge","protocol":{"min":1,"max":1},"fleet":"f"}'],
  [
    "a bad address",
    JSON.stringify({
      ...assign,
      assignment: { ...assignment, members: [{ host: "main1", address: "x", nodeId: "node_1" }] },
    }),
  ],
])("a frame that is not understood is an error: %s", (_, text) => {
  expect(() => readFrame(text)).toThrow();
});
