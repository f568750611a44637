import { expect, test } from "vitest";
import { addressSet } from "../network/address-set.ts";
import { recordingRunner } from "../network/recording.ts";
import { Guard } from "./guard.ts";

const owner = { fleet: "flt_1", node: "node_1" };
const session = {
  session: "ses_1",
  network: {
    driver: "bridge" as const,
    subnet: "10.64.0.0/24",
    gateway: "10.64.0.254",
    vtep: "192.0.2.1",
    mtu: 1500,
    port: 14789,
    egress: true,
    peers: [],
  },
};

test("a restarted agent keeps the table of its predecessor until it knows the sessions", async () => {
  const { runner, changes } = recordingRunner();
  const guard = new Guard(runner, owner);
  await guard.keepFrom(addressSet(["192.0.2.9"]));
  expect(changes()).toBe("");
  await guard.add([session]);
  expect(changes()).toContain("ip daddr { 192.0.2.9 } counter drop");
});

test("a node that joins later is protected too", async () => {
  const { runner, changes } = recordingRunner();
  const guard = new Guard(runner, owner);
  await guard.add([session]);
  await guard.keepFrom(addressSet(["192.0.2.9", "192.0.2.8"]));
  expect(changes()).toContain("ip daddr { 192.0.2.8-192.0.2.9 } counter drop");
});
