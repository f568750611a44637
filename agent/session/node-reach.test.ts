import { expect, test } from "vitest";
import type { ContainerSpec } from "../../shared/protocol/assignment.ts";
import { NOTHING_ALLOWED } from "../../shared/request/allowed.ts";
import type { Survey } from "../ssh/survey.ts";
import { guardedOf, homeVariable, refuseReach, refuseUnderSsh } from "./node-reach.ts";
import { sentOf } from "./sent-fixtures.ts";

const spec: ContainerSpec = {
  host: "main1",
  role: "main",
  rank: 0,
  address: "10.64.0.2",
  image: "a",
  env: {},
  launchers: {},
  files: [],
  resources: { gpuIds: [] },
};
const surveyOf = (user: string, uid: number, home: string) =>
  ({ account: { user, uid, home }, homes: [{ path: home }] }) as Survey;
const mounted = (target: string) => ({ ...spec, mounts: [{ source: "/data", target, readOnly: true }] });

const assigned = (...containers: ContainerSpec[]) => sentOf(1, undefined, containers).assignment;
const onNode: ContainerSpec = { ...spec, hostNetwork: true };
const open = { ...NOTHING_ALLOWED, hostNetwork: true };

test("a node that allows nothing refuses mounts, privileges and its own network", () => {
  refuseReach(assigned(spec), NOTHING_ALLOWED);
  expect(() => refuseReach(assigned(spec, { ...mounted("/d"), privileged: true }), NOTHING_ALLOWED)).toThrow(
    "this node does not allow mounting /data, privileged containers",
  );
  expect(guardedOf(assigned(onNode), NOTHING_ALLOWED).onNode).toEqual([]);
});

test("the node accepts only addresses of the session's subnet", () => {
  refuseReach(assigned(onNode), open);
  expect(guardedOf(assigned(onNode, spec), open).onNode).toEqual(["10.64.0.2"]);
  expect(() => refuseReach(assigned({ ...onNode, address: "192.0.2.1" }), open)).toThrow(
    "its address 192.0.2.1 is not in 10.64.0.0/24",
  );
});

test("on the node's network the user must be root", () => {
  refuseUnderSsh({ ...spec, hostNetwork: true }, surveyOf("root", 0, "/root"));
  refuseUnderSsh(spec, surveyOf("dev", 1000, "/home/dev"));
  expect(() => refuseUnderSsh({ ...spec, hostNetwork: true }, surveyOf("dev", 1000, "/home/dev"))).toThrow(
    "its user must be root, and is dev",
  );
});

test.each(["/home", "/home/dev", "/home/dev/.ssh", "/home/dev/.ssh/keys"])(
  "a mount at %s is refused, since keys are written there",
  (target) => {
    expect(() => refuseUnderSsh(mounted(target), surveyOf("dev", 1000, "/home/dev"))).toThrow(
      /the keys of its user dev/,
    );
  },
);

test.each(["/home/dev/data", "/home/devil", "/mnt"])("a mount at %s is accepted", (target) => {
  refuseUnderSsh(mounted(target), surveyOf("dev", 1000, "/home/dev"));
});

test("the variable HOME counts, except in a mount", () => {
  const spec = { ...mounted("/data"), env: { HOME: "/data/home" } };
  expect(homeVariable(spec, [])).toBe(undefined);
  expect(homeVariable({ ...spec, env: { HOME: "/work" } }, ["HOME=/data"])).toBe("/work");
  expect(homeVariable({ ...spec, env: {} }, ["PATH=/bin", "HOME=/work"])).toBe("/work");
  expect(homeVariable({ ...spec, env: {} }, [])).toBe(undefined);
  expect(homeVariable({ ...mounted("/work/.ssh"), env: { HOME: "/work" } }, [])).toBe(undefined);
});
