import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { SPACE } from "../testing/fixtures.ts";
import { addressing, type NodeNetworks, networkObstacles, type Reserved } from "./addressing.ts";
import { cidrsOverlap, parseCidr } from "./ipv4.ts";

const NOTHING: Reserved = { subnets: [], vnis: [] };
const bare = (over: Partial<NodeNetworks> = {}): NodeNetworks => ({
  usedSubnets: [],
  usedVnis: [],
  mtu: 1500,
  ...over,
});

function networkOf(space: object, reserved: Partial<Reserved> = {}, nodes = [bare()], containers = 4) {
  const found = addressing(nodes, containers, "overlay", { ...NOTHING, ...reserved }, { ...SPACE, ...space });
  return typeof found === "string" ? found : found.network;
}

describe("the search for a free network", () => {
  test("starts at the origin's part of the pool and of the VNIs", () => {
    expect(networkOf({ origin: 0.5 })).toMatchObject({ subnet: "10.72.0.0/24", vni: 0x800000 + 0x3fffff });
    expect(networkOf({ origin: 0.5 }, {}, [bare()], 300)).toMatchObject({ subnet: "10.72.0.0/23" });
    expect(networkOf({ origin: 1 - 2 ** -32 })).toMatchObject({ subnet: "10.79.255.0/24", vni: 0xfffffe });
  });

  test("goes on from there, and wraps around at the end", () => {
    const space = { addressPool: "10.64.0.0/21", vniBase: 100, vniCount: 4, origin: 0.5 };
    const taken = (...thirds: number[]) => thirds.map((third) => `10.64.${third}.0/24`);
    expect(networkOf(space, { subnets: taken(4, 5), vnis: [102] })).toMatchObject({
      subnet: "10.64.6.0/24",
      vni: 103,
    });
    expect(networkOf(space, { subnets: taken(0, 4, 5, 6, 7), vnis: [102, 103] })).toMatchObject({
      subnet: "10.64.1.0/24",
      vni: 100,
    });
    expect(networkOf(space, { subnets: ["10.64.0.0/21"] })).toBe(
      "no /24 of the address pool 10.64.0.0/21 is free",
    );
    expect(networkOf(space, { vnis: [100, 101, 102, 103] })).toBe("no VNI is free");
  });

  test("ends at the last VNI of the 24-bit space", () => {
    const space = { vniBase: 0xfffffe, vniCount: 100 };
    expect(networkOf(space, { vnis: [0xfffffe] })).toMatchObject({ vni: 0xffffff });
    expect(networkOf(space, { vnis: [0xfffffe, 0xffffff] })).toBe("no VNI is free");
  });

  test("finds a block inside the pool that overlaps nothing, wherever it starts, exactly where there is one", () => {
    const blocks = fc.uniqueArray(fc.nat(31), { maxLength: 32 });
    fc.assert(
      fc.property(blocks, fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (taken, origin) => {
        const subnets = taken.map((block) => `10.64.${block}.0/24`);
        const space = { addressPool: "10.64.0.0/19", vniBase: 1, vniCount: 32, origin };
        const found = networkOf(space, { subnets, vnis: taken.map((block) => block + 1) });
        if (taken.length === 32) return expect(found).toBe("no /24 of the address pool 10.64.0.0/19 is free");
        const { subnet, vni } = found as { subnet: string; vni: number };
        expect(cidrsOverlap(subnet, "10.64.0.0/19")).toBe(true);
        expect(subnets.filter((each) => cidrsOverlap(each, subnet))).toEqual([]);
        expect(taken).not.toContain(vni - 1);
        // The first free one from the origin on.
        const start = Math.floor(origin * 32);
        const steps = Array.from({ length: 32 }, (_, i) => (start + i) % 32);
        const first = steps.find((block) => !taken.includes(block))!;
        expect([parseCidr(subnet)!.first - 0x0a400000, vni]).toEqual([first * 256, first + 1]);
      }),
    );
  });
});

describe("VXLAN devices of something else", () => {
  test("take their VNI on the same UDP port, on any of the session's nodes", () => {
    const nodes = [
      bare({ usedVnis: [{ vni: 0x800000, port: 14789 }] }),
      bare({
        usedVnis: [
          { vni: 0x800001, port: 14789 },
          { vni: 0x800002, port: 4789 },
        ],
      }),
    ];
    expect(networkOf({}, {}, nodes)).toMatchObject({ vni: 0x800002 });
    expect(networkOf({ vxlanPort: 4789 }, {}, nodes)).toMatchObject({ vni: 0x800000, port: 4789 });
  });

  test("do not concern a bridge", () => {
    const node = bare({ usedVnis: [{ vni: 1, port: 14789 }] });
    const space = { ...SPACE, vniBase: 1, vniCount: 1 };
    expect(addressing([node], 1, "bridge", NOTHING, space)).toMatchObject({ network: { driver: "bridge" } });
    expect(networkObstacles("bridge", space)(node)).toBeUndefined();
  });
});

describe("a node on which no session could have a network", () => {
  test.each<[string, Partial<NodeNetworks>, string | undefined]>([
    ["routes more than the pool", { usedSubnets: ["10.0.0.0/8"] }, "its own routes and networks cover"],
    [
      "routes the pool in parts",
      { usedSubnets: ["10.64.0.0/22", "10.64.4.0/23", "10.64.6.0/24", "10.64.7.9/32"] },
      "its own routes and networks cover",
    ],
    [
      "uses every VNI on our port",
      { usedVnis: [1, 2].map((vni) => ({ vni, port: 14789 })) },
      "its own VXLAN devices use every VNI",
    ],
    ["routes half of the pool, twice", { usedSubnets: ["10.64.0.0/22", "10.64.0.0/22"] }, undefined],
    ["has a default route", { usedSubnets: ["0.0.0.0/0"] }, undefined],
    [
      "uses one VNI, and one on another port",
      {
        usedVnis: [
          { vni: 1, port: 14789 },
          { vni: 2, port: 1 },
        ],
      },
      undefined,
    ],
  ])("%s", (_, over, reason) => {
    const space = { ...SPACE, addressPool: "10.64.0.0/21", vniBase: 1, vniCount: 2 };
    const obstacle = networkObstacles("overlay", space)(bare(over));
    if (reason) expect(obstacle).toMatch(reason);
    else expect(obstacle).toBeUndefined();
  });
});
