import { expect, test } from "vitest";
import { entriesOf } from "./entries.ts";

const network = {
  driver: "overlay" as const,
  subnet: "10.64.0.0/24",
  gateway: "10.64.0.254",
  vtep: "192.0.2.1",
  mtu: 1450,
  vni: 0x800000,
  port: 14789,
  egress: true,
  peers: [{ place: 1, vtep: "192.0.2.2", gateway: "10.64.0.253" }],
};

test("a container on its node's network is behind that node's bridge; on this node it needs no entry", () => {
  const plain = [
    { host: "sub1", address: "10.64.0.4", place: 0 },
    { host: "sub2", address: "10.64.0.5", place: 1 },
  ];
  const onNode = [
    { host: "main1", address: "10.64.0.2", place: 0, onNode: true as const },
    { host: "main2", address: "10.64.0.3", place: 1, onNode: true as const },
  ];
  const without = entriesOf(network, plain, 0);
  const entries = entriesOf(network, [...onNode, ...plain], 0);
  expect(entries.neighbours).toEqual(new Map([...without.neighbours, ["10.64.0.3", "02:42:0a:40:00:fd"]]));
  expect(entries.tunnel).toEqual(without.tunnel);
  expect(entries.port).toEqual(without.port);
});
