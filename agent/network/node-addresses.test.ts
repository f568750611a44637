import { expect, test } from "vitest";
import { elementsOf } from "./address-set.ts";
import { NodeAddresses } from "./node-addresses.ts";

const whole = { since: 0, number: 7, added: ["192.0.2.1-192.0.2.4"], removed: [] };
const leave = { since: 7, number: 9, added: ["192.0.2.9"], removed: ["192.0.2.2"] };

test("changes are applied in order, and a whole list replaces all addresses", () => {
  const nodes = new NodeAddresses();
  expect(nodes.number).toBe(0);
  expect([nodes.apply(whole), nodes.apply(leave)]).toEqual([true, true]);
  expect(nodes.number).toBe(9);
  expect(elementsOf(nodes.addresses)).toEqual(["192.0.2.1", "192.0.2.3-192.0.2.4", "192.0.2.9"]);
  expect(nodes.apply({ ...whole, number: 3 })).toBe(true);
  expect([nodes.number, elementsOf(nodes.addresses)]).toEqual([3, ["192.0.2.1-192.0.2.4"]]);
});

test("after a missing change the whole list is needed, and the addresses stay until it arrives", () => {
  const nodes = new NodeAddresses();
  expect(nodes.apply(leave)).toBe(false);
  nodes.apply(whole);
  expect(nodes.apply({ ...leave, since: 8 })).toBe(false);
  expect([nodes.number, elementsOf(nodes.addresses)]).toEqual([0, ["192.0.2.1-192.0.2.4"]]);
});

test("an address that one change removes and adds is kept", () => {
  const nodes = new NodeAddresses();
  nodes.apply(whole);
  nodes.apply({ since: 7, number: 8, added: ["192.0.2.2"], removed: ["192.0.2.2"] });
  expect(elementsOf(nodes.addresses)).toEqual(["192.0.2.1-192.0.2.4"]);
});
