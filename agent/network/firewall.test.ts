import { expect, test } from "vitest";
import { addressSet } from "./address-set.ts";
import { applyFirewall, type GuardedSession, renderFirewall } from "./firewall.ts";
import { tableName } from "./link-names.ts";
import { recordingRunner } from "./recording.ts";

const owner = { fleet: "flt_a", node: "node_1" };
const alone: GuardedSession = {
  session: "ses_1",
  network: {
    driver: "bridge",
    subnet: "10.64.0.0/24",
    gateway: "10.64.0.1",
    vtep: "192.0.2.1",
    mtu: 1500,
    port: 14789,
    egress: true,
    peers: [],
  },
};
const spread: GuardedSession = {
  session: "ses_2",
  network: {
    driver: "overlay",
    subnet: "10.64.1.0/24",
    gateway: "10.64.1.254",
    vtep: "192.0.2.1",
    mtu: 1450,
    vni: 0x800000,
    port: 14789,
    egress: false,
    peers: [
      { place: 1, vtep: "192.0.2.2", gateway: "10.64.1.253" },
      { place: 2, vtep: "192.0.2.3", gateway: "10.64.1.252" },
    ],
  },
};

test("without sessions there is no table", () => {
  const table = `table inet ${tableName(owner)}`;
  expect(renderFirewall(owner, [])).toBe(`${table}\ndelete ${table}\n`);
});

test("one session on a bridge, with egress", () => {
  expect(renderFirewall(owner, [alone])).toMatchInlineSnapshot(`
    "table inet skein-d5nfdskko5g6
    delete table inet skein-d5nfdskko5g6
    table inet skein-d5nfdskko5g6 {
      set bridges {
        type ifname
        elements = { "skbd5nfd65zun4o" }
      }

      set sources {
        type ifname . ipv4_addr
        flags interval
        elements = { "skbd5nfd65zun4o" . 10.64.0.0/24 }
      }

      chain prerouting {
        type filter hook prerouting priority mangle; policy accept;
        iifname @bridges fib daddr type local ct state != { established, related } counter drop comment "container to node"
      }

      chain input {
        type filter hook input priority filter; policy accept;
        iifname @bridges ct state != { established, related } counter drop comment "container to node, broadcast"
        iifname != "lo" ip daddr { 10.64.0.1 } ct state != { established, related } counter drop comment "outside to gateway"
      }

      chain forward {
        type filter hook forward priority filter; policy accept;
        iifname . oifname { "skbd5nfd65zun4o" . "skbd5nfd65zun4o" } accept comment "within a session"
        iifname @bridges jump outward
        oifname @bridges ct state != { established, related } counter drop comment "outside to container"
      }

      chain outward {
        iifname . ip saddr != @sources counter drop comment "spoofed source"
        meta nfproto ipv6 counter drop comment "no IPv6 in sessions"
        oifname @bridges counter drop comment "session to session"
        udp dport { 14789 } counter drop comment "VXLAN from a container"
        ip daddr { 100.100.100.200, 168.63.129.16, 169.254.0.0/16 } th dport != 53 counter drop comment "the cloud's metadata"
      }
    }
    "
  `);
});

test("beside it a session on three nodes, without egress", () => {
  expect(renderFirewall(owner, [alone, spread])).toMatchInlineSnapshot(`
    "table inet skein-d5nfdskko5g6
    delete table inet skein-d5nfdskko5g6
    table inet skein-d5nfdskko5g6 {
      set bridges {
        type ifname
        elements = { "skbd5nfd65zun4o", "skbd5nfdv2lb4s4" }
      }

      set sources {
        type ifname . ipv4_addr
        flags interval
        elements = { "skbd5nfd65zun4o" . 10.64.0.0/24, "skbd5nfdv2lb4s4" . 10.64.1.0/24 }
      }

      chain prerouting {
        type filter hook prerouting priority mangle; policy accept;
        iifname @bridges fib daddr type local ct state != { established, related } counter drop comment "container to node"
      }

      chain input {
        type filter hook input priority filter; policy accept;
        iifname @bridges ct state != { established, related } counter drop comment "container to node, broadcast"
        iifname != "lo" ip daddr { 10.64.0.1, 10.64.1.254 } ct state != { established, related } counter drop comment "outside to gateway"
        udp dport . @th,96,24 { 14789 . 8388608 } ip saddr . udp dport . @th,96,24 != { 192.0.2.2 . 14789 . 8388608, 192.0.2.3 . 14789 . 8388608 } counter drop comment "VXLAN from a stranger"
      }

      chain forward {
        type filter hook forward priority filter; policy accept;
        iifname . oifname { "skbd5nfd65zun4o" . "skbd5nfd65zun4o", "skbd5nfdv2lb4s4" . "skbd5nfdv2lb4s4" } accept comment "within a session"
        iifname @bridges jump outward
        oifname @bridges ct state != { established, related } counter drop comment "outside to container"
        udp dport . @th,96,24 { 14789 . 8388608 } ip saddr . udp dport . @th,96,24 != { 192.0.2.2 . 14789 . 8388608, 192.0.2.3 . 14789 . 8388608 } counter drop comment "VXLAN from a stranger"
      }

      chain outward {
        iifname . ip saddr != @sources counter drop comment "spoofed source"
        meta nfproto ipv6 counter drop comment "no IPv6 in sessions"
        oifname @bridges counter drop comment "session to session"
        udp dport { 14789 } counter drop comment "VXLAN from a container"
        ip daddr { 100.100.100.200, 168.63.129.16, 169.254.0.0/16 } th dport != 53 counter drop comment "the cloud's metadata"
        ip daddr { 192.0.2.2-192.0.2.3 } counter drop comment "container to another node"
        iifname { "skbd5nfdv2lb4s4" } counter reject with icmpx admin-prohibited comment "egress off"
      }
    }
    "
  `);
});

test("an overlay without peers accepts no VXLAN packet at all", () => {
  const whole = { ...spread, network: { ...spread.network, peers: [] } };
  expect(renderFirewall(owner, [whole])).toContain(
    'udp dport . @th,96,24 { 14789 . 8388608 } counter drop comment "VXLAN from a stranger"',
  );
});

test("no container reaches a node of the fleet, in its own session or not", () => {
  expect(renderFirewall(owner, [alone, spread], addressSet(["192.0.2.9", "192.0.2.2"]))).toContain(
    'ip daddr { 192.0.2.2-192.0.2.3, 192.0.2.9 } counter drop comment "container to another node"',
  );
  expect(renderFirewall(owner, [alone], addressSet(["192.0.2.9"]))).toContain(
    "ip daddr { 192.0.2.9 } counter drop",
  );
});

test("only its own session reaches a container on the node's network", () => {
  const onNode = { ...alone, onNode: ["10.64.0.3"] };
  const bridge = '"skevwkuy7jvp6s0"';
  const text = renderFirewall(owner, [onNode, spread]);
  const accepted = `    iifname . ip daddr { ${bridge} . 10.64.0.3 } accept`;
  expect(text.split("\n").filter((line) => line.startsWith(accepted)).length).toBe(2);
  const [prerouting, input] = ['container to node"', "container to node, broadcast"].map((drop) =>
    text.indexOf(drop),
  );
  expect(text.indexOf(accepted)).toBeLessThan(prerouting!);
  expect(text.lastIndexOf(accepted)).toBeGreaterThan(prerouting!);
  expect(text.lastIndexOf(accepted)).toBeLessThan(input!);
  expect(text).toContain('iifname != "lo" ip daddr { 10.64.0.1, 10.64.0.3, 10.64.1.254 }');
});

test("the order of the sessions makes no difference", () => {
  expect(renderFirewall(owner, [spread, alone])).toBe(renderFirewall(owner, [alone, spread]));
});

test("the table is loaded as a whole, in one transaction", async () => {
  const { runner, changes } = recordingRunner();
  await applyFirewall(runner, owner, []);
  const table = `table inet ${tableName(owner)}`;
  expect(changes()).toBe(`nft -f -\n  ${table}\n  delete ${table}`);
});
