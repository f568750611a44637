import { expect, test } from "vitest";
import type { Assignment, ContainerSpec } from "../../shared/protocol/protocol.ts";
import { NOTHING_ALLOWED } from "../../shared/request/allowed.ts";
import type { Survey } from "../ssh/survey.ts";
import { guardedOf, refuseReach, refuseUnderSsh } from "./node-reach.ts";

const spec: ContainerSpec = {
  host: "main1",
  role: "main",
  rank: 0,
  address: "10.64.0.2",
  image: "a",
  env: {},
  resources: { gpuIds: [] },
};
const surveyOf = (user: string, uid: number, home: string) => ({ account: { user, uid, home } }) as Survey;
const mounted = (target: string) => ({ ...spec, mounts: [{ source: "/data", target, readOnly: true }] });

const assigned = (...containers: ContainerSpec[]): Assignment => ({
  session: "ses_1",
  name: "one",
  epoch: 1,
  network: {
    ...{ driver: "bridge", subnet: "10.64.0.0/24", gateway: "10.64.0.254", vtep: "192.0.2.1" },
    ...{ mtu: 1500, port: 14789, egress: true, peers: [] },
  },
  containers,
  members: [],
  proofs: [],
});
const onNode: ContainerSpec = { ...spec, hostNetwork: true };
const open = { ...NOTHING_ALLOWED, hostNetwork: true };

test("a node that allows nothing refuses, whatever it is told", () => {
  refuseReach(assigned(spec), NOTHING_ALLOWED);
  expect(() => refuseReach(assigned(spec, { ...mounted("/d"), privileged: true }), NOTHING_ALLOWED)).toThrow(
    "this node does not allow mounting /data, privileged containers",
  );
  expect(guardedOf(assigned(onNode), NOTHING_ALLOWED).onNode).toEqual([]);
});

test("the node takes no address that is not the session's", () => {
  refuseReach(assigned(onNode), open);
  expect(guardedOf(assigned(onNode, spec), open).onNode).toEqual(["10.64.0.2"]);
  expect(() => refuseReach(assigned({ ...onNode, address: "192.0.2.1" }), open)).toThrow(
    "its address 192.0.2.1 is not in 10.64.0.0/24",
  );
});

test("on the node's network only root serves SSH", () => {
  refuseUnderSsh({ ...spec, hostNetwork: true }, surveyOf("root", 0, "/root"));
  refuseUnderSsh(spec, surveyOf("dev", 1000, "/home/dev"));
  expect(() => refuseUnderSsh({ ...spec, hostNetwork: true }, surveyOf("dev", 1000, "/home/dev"))).toThrow(
    "its user must be root, and is dev",
  );
});

test.each(["/home", "/home/dev", "/home/dev/.ssh", "/home/dev/.ssh/keys"])(
  "no mount at %s, where keys go",
  (target) => {
    expect(() => refuseUnderSsh(mounted(target), surveyOf("dev", 1000, "/home/dev"))).toThrow(
      /the keys of its user dev/,
    );
  },
);

test.each(["/home/dev/data", "/home/devil", "/mnt"])("but one at %s", (target) => {
  refuseUnderSsh(mounted(target), surveyOf("dev", 1000, "/home/dev"));
});
