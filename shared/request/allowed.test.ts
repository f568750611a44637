import { describe, expect, test } from "vitest";
import { SkeinError } from "../errors/errors.ts";
import type { Allowed } from "../node/node-schemas.ts";
import { plan } from "../plan/planner.ts";
import { fleet, node, specOf } from "../testing/fixtures.ts";
import { NOTHING_ALLOWED, notAllowed, refuseUnlessAllowed } from "./allowed.ts";

const allowing = (over: Partial<Allowed>): Allowed => ({ ...NOTHING_ALLOWED, ...over });
const mount = (source: string, readOnly = true) => ({ mounts: [{ source, target: "/d", readOnly }] });

describe("what a node allows", () => {
  test.each<[string, object, Partial<Allowed>, string[]]>([
    ["nothing is asked for", {}, {}, []],
    [
      "nothing is allowed",
      { privileged: true, hostNetwork: true },
      {},
      ["privileged containers", "containers on its own network"],
    ],
    ["all of it", { privileged: true, hostNetwork: true }, { privileged: true, hostNetwork: true }, []],
    ["said to be not wanted", { privileged: false, mounts: [], devices: [] }, {}, []],
    ["this very path", mount("/data"), { mounts: [{ source: "/data", readOnly: true }] }, []],
    [
      "a path below it",
      mount("/data/a"),
      { mounts: [{ source: "/data", readOnly: false }] },
      ["mounting /data/a"],
    ],
    [
      "only to be read",
      mount("/data", false),
      { mounts: [{ source: "/data", readOnly: true }] },
      ["writing to /data"],
    ],
    [
      "to be written to, and so to be read",
      mount("/data"),
      { mounts: [{ source: "/data", readOnly: false }] },
      [],
    ],
    [
      "another device",
      { devices: ["/dev/fuse", "/dev/kvm"] },
      { devices: ["/dev/fuse"] },
      ["the device /dev/kvm"],
    ],
  ])("%s", (_, request, allowed, denied) => {
    expect(notAllowed(specOf(request).reach, allowing(allowed))).toEqual(denied);
  });

  test("roles inherit what is asked for, or ask for less", () => {
    const { roles, reach } = specOf({
      privileged: true,
      devices: ["/dev/fuse"],
      roles: [
        { name: "main", replicas: 1, privileged: false },
        { name: "sub", replicas: 1, devices: [] },
      ],
    });
    expect(roles.map(({ privileged, devices }) => [privileged, devices])).toEqual([
      [undefined, ["/dev/fuse"]],
      [true, undefined],
    ]);
    expect(reach).toEqual(allowing({ privileged: true, devices: ["/dev/fuse"] }));
    expect(specOf({ privileged: false, mounts: [] })).not.toHaveProperty("reach");
  });
});

describe("a fleet in which no node allows it", () => {
  const refusal = (request: object, ...nodes: Partial<Allowed>[]) => {
    try {
      refuseUnlessAllowed(specOf(request).reach, () => nodes.map(allowing));
    } catch (error) {
      if (!(error instanceof SkeinError)) throw error;
      return [error.code, ...error.extra.errors!.map(({ field, message }) => `${field}: ${message}`)];
    }
    return [];
  };

  test("is not even looked at where nothing is asked for", () => {
    refuseUnlessAllowed(specOf({}).reach, () => {
      throw new Error("was");
    });
  });

  test("refuses, and names the fields", () => {
    expect(refusal({ privileged: true, ...mount("/data") }, {}, { privileged: true })).toEqual([
      "not_allowed",
      "mounts: no node of the fleet allows mounting /data; its operator starts the agent with --allow for that",
    ]);
    expect(refusal({ privileged: true })[0]).toBe("not_allowed");
    expect(refusal({ privileged: true }, {}, { privileged: true })).toEqual([]);
  });

  test("refuses what no one node allows together", () => {
    expect(
      refusal({ privileged: true, hostNetwork: true }, { privileged: true }, { hostNetwork: true }),
    ).toEqual([
      "not_allowed",
      "privileged: no one node of the fleet allows privileged containers together with all else that is asked for",
      "hostNetwork: no one node of the fleet allows containers on its own network together with all else that is asked for",
    ]);
  });
});

describe("planning", () => {
  const open = node(2, { allows: allowing({ privileged: true }) });

  test("goes to nodes that allow it, all of the session's containers", () => {
    const roles = [
      { name: "main", replicas: 1 },
      { name: "sub", replicas: 2, privileged: true },
    ];
    const { plan: planned } = plan(
      specOf({ image: "a", clusterMode: "multi-node", roles }),
      fleet([node(1), open, node(3)]),
    );
    expect(planned!.containers.map(({ nodeId }) => nodeId)).toEqual(["node_2", "node_2", "node_2"]);
  });

  test("says of each node why not", () => {
    const spec = specOf({ image: "a", privileged: true, resources: { cpu: 3 } });
    const full = { ...open, allocated: { ...open.allocated, cpu: 2 } };
    const refusal = plan(spec, fleet([node(1), full])).refusal!;
    expect(refusal).toMatchObject({
      never: false,
      reason: "needs 3 cores in all; the usable nodes have 2 free",
    });
    expect(refusal.nodes()).toEqual([
      { node: "host1", reason: "does not allow privileged containers" },
      { node: "host2", reason: "needs 3 cores, 2 of 4 free" },
    ]);
  });

  test("waits for a node that allows it and cannot be used, and says so; not for one that does not", () => {
    const spec = specOf({ image: "a", privileged: true });
    const away = { ...open, status: "lost" as const };
    expect(plan(spec, fleet([node(1), away])).refusal).toMatchObject({
      never: false,
      reason: "no node can be used now: 1 lost, 1 that does not allow it",
    });
    expect(plan(spec, fleet([node(1)])).refusal).toMatchObject({
      never: true,
      reason: "the fleet has no node allowing privileged containers",
    });
  });
});
