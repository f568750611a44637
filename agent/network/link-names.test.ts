import { expect, test } from "vitest";
import {
  interfacePrefix,
  isOwnBridge,
  isOwnVxlan,
  linkAlias,
  linkNames,
  linkPrefixes,
  tableName,
} from "./link-names.ts";

const owner = { fleet: "flt_a", node: "node_1" };

test("names have the kernel's 15 characters, and never change between versions", () => {
  expect(linkNames(owner, "ses_1")).toEqual({ bridge: "skbd5nfd65zun4o", vxlan: "skvd5nfd65zun4o" });
  expect(linkNames(owner, "ses_1").bridge).toHaveLength(15);
  expect(tableName(owner)).toBe("skein-d5nfdskko5g6");
});

test("another fleet, node or session gives another name", () => {
  const all = [
    linkNames(owner, "ses_1"),
    linkNames(owner, "ses_2"),
    linkNames({ ...owner, node: "node_2" }, "ses_1"),
    linkNames({ ...owner, fleet: "flt_b" }, "ses_1"),
  ].flatMap(({ bridge, vxlan }) => [bridge, vxlan]);
  expect(new Set(all).size).toBe(8);
  expect(tableName({ ...owner, fleet: "flt_b" })).not.toBe(tableName(owner));
});

test("a bridge that containers on the node's network see has one name on all nodes; its alias says whose it is", () => {
  const { bridge, vxlan } = linkNames(owner, "ses_1", true);
  expect({ bridge, vxlan }).toEqual({ bridge: "skevwkuy7jvp6s0", vxlan: linkNames(owner, "ses_1").vxlan });
  const neighbour = { ...owner, node: "node_2" };
  expect(linkNames(neighbour, "ses_1", true).bridge).toBe(bridge);
  const others = [
    linkNames(owner, "ses_2", true),
    linkNames({ ...owner, fleet: "flt_b" }, "ses_1", true),
  ].map((names) => names.bridge);
  expect(new Set([bridge, ...others]).size).toBe(3);
  expect(bridge.startsWith(linkPrefixes(owner).onNode)).toBe(true);
  expect(isOwnBridge(owner, bridge, linkAlias(owner, "ses_1"))).toBe(true);
  expect(isOwnBridge(owner, bridge, linkAlias(neighbour, "ses_1"))).toBe(false);
  expect(isOwnBridge(owner, bridge)).toBe(false);
  // Docker numbers a container's interfaces from 0.
  expect(`${interfacePrefix(owner, "ses_1")}0`).toBe(bridge);
});

test("all names of an owner have the same prefix", () => {
  for (const session of ["ses_1", "ses_2"]) {
    const names = linkNames(owner, session);
    expect(names.bridge.startsWith(linkPrefixes(owner).bridge)).toBe(true);
    expect(names.vxlan.startsWith(linkPrefixes(owner).vxlan)).toBe(true);
  }
});

test("an alias is made of ids only, since it becomes a word of a batch line", () => {
  expect(linkAlias(owner, "ses_1")).toBe("skein:flt_a:node_1:ses_1");
  for (const odd of ["", "a b", "a\nlink del eth0", "a:b"]) {
    expect(() => linkAlias(owner, odd)).toThrow("is no id");
  }
});

test("a VXLAN device belongs to the owner in its name and alias; to nobody who has not joined yet", () => {
  const { vxlan } = linkNames(owner, "ses_1");
  const alias = linkAlias(owner, "ses_1");
  expect([isOwnVxlan(owner, vxlan, alias), isOwnVxlan(owner, vxlan), isOwnVxlan(owner, "vx0")]).toEqual([
    true,
    true,
    false,
  ]);
  expect(isOwnVxlan({ fleet: "", node: "" }, vxlan, alias)).toBe(false);
});
