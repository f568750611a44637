import { expect, test } from "vitest";
import { linkAlias, linkNames, linkPrefixes, macOf, tableName } from "./link-names.ts";

const owner = { fleet: "flt_a", node: "node_1" };

test("names fit the kernel's 15 characters, and stay what they are from version to version", () => {
  expect(linkNames(owner, "ses_1")).toEqual({ bridge: "skbd5nfd65zun4o", vxlan: "skvd5nfd65zun4o" });
  expect(linkNames(owner, "ses_1").bridge).toHaveLength(15);
  expect(tableName(owner)).toBe("skein-d5nfdskko5g6");
});

test("each of fleet, node and session makes another name", () => {
  const all = [
    linkNames(owner, "ses_1"),
    linkNames(owner, "ses_2"),
    linkNames({ ...owner, node: "node_2" }, "ses_1"),
    linkNames({ ...owner, fleet: "flt_b" }, "ses_1"),
  ].flatMap(({ bridge, vxlan }) => [bridge, vxlan]);
  expect(new Set(all).size).toBe(8);
  expect(tableName({ ...owner, fleet: "flt_b" })).not.toBe(tableName(owner));
});

test("an owner's names begin alike", () => {
  for (const session of ["ses_1", "ses_2"]) {
    const names = linkNames(owner, session);
    expect(names.bridge.startsWith(linkPrefixes(owner).bridge)).toBe(true);
    expect(names.vxlan.startsWith(linkPrefixes(owner).vxlan)).toBe(true);
  }
});

test("an alias takes ids only: it becomes a word of a batch line", () => {
  expect(linkAlias(owner, "ses_1")).toBe("skein:flt_a:node_1:ses_1");
  for (const odd of ["", "a b", "a\nlink del eth0", "a:b"]) {
    expect(() => linkAlias(owner, odd)).toThrow("is no id");
  }
});

test("a MAC is 02:42 and the address", () => {
  expect(macOf("10.64.0.254")).toBe("02:42:0a:40:00:fe");
});
