import { expect, test } from "vitest";
import { linkAlias, linkNames } from "./link-names.ts";
import { recordingRunner, refusal } from "./recording.ts";
import { sweepLinks } from "./sweep-links.ts";

const owner = { fleet: "flt_a", node: "node_1" };
const other = { fleet: "flt_b", node: "node_1" };
const name = (session: string, whose = owner) => linkNames(whose, session).vxlan;
const link = (ifname: string, ifalias?: string) => ({ ifname, mtu: 1450, flags: [], ifalias });

test("the sweep removes our devices without a live session, also one that has no alias yet", async () => {
  const links = [
    {},
    link("vxlan.calico"),
    link(name("ses_live"), linkAlias(owner, "ses_live")),
    link(name("ses_gone"), linkAlias(owner, "ses_gone")),
    link(name("ses_half")),
    link(name("ses_gone", other), linkAlias(other, "ses_gone")),
    // A name that starts like ours by chance. Its alias says whose it is.
    link(name("ses_chance"), linkAlias(other, "ses_chance")),
  ];
  const { runner, changes } = recordingRunner({ "ip -j -d link show type vxlan": JSON.stringify(links) });
  expect(await sweepLinks(runner, owner, new Set(["ses_live"]))).toEqual([
    name("ses_gone"),
    name("ses_half"),
  ]);
  expect(changes()).toBe(
    `ip -batch -\n  link del dev ${name("ses_gone")}\n  link del dev ${name("ses_half")}`,
  );
});

test("the sweep removes our bridges that Docker has forgotten, with their rules", async () => {
  const bridge = (session: string, whose = owner) => linkNames(whose, session).bridge;
  const gone = bridge("ses_gone");
  const seen = linkNames(owner, "ses_gone", true).bridge;
  const links = [
    link(seen, linkAlias(owner, "ses_gone")),
    link(linkNames(owner, "ses_live", true).bridge, linkAlias(owner, "ses_live")),
    link(linkNames(owner, "ses_other", true).bridge, linkAlias({ ...owner, node: "node_2" }, "ses_other")),
    link("docker0"),
    link(bridge("ses_live")),
    link(gone),
    link(bridge("ses_gone", other)),
    link(`${gone.slice(0, -1)}-`),
    link(gone.slice(0, -1)),
  ];
  const { runner, changes } = recordingRunner({
    "ip -j -d link show type bridge": JSON.stringify(links),
    "iptables-save --table nat": `*nat\n-A POSTROUTING -s 10.64.2.0/24 ! -o ${gone} -j MASQUERADE\n-A DOCKER -i docker0 -j RETURN\nCOMMIT\n`,
    "iptables-save --table filter": `*filter\n-A FORWARD -o ${gone} -j DOCKER\n-A FORWARD -o ${bridge("ses_live")} -j DOCKER\nCOMMIT\n`,
  });
  expect(await sweepLinks(runner, owner, new Set(["ses_live"]))).toEqual([seen, gone]);
  expect(changes().split("\n")).toEqual([
    "iptables-save --table nat",
    "iptables-save --table filter",
    `ip link del dev ${seen}`,
    "iptables-save --table nat",
    `iptables --wait --table nat --delete POSTROUTING -s 10.64.2.0/24 ! -o ${gone} -j MASQUERADE`,
    "iptables-save --table filter",
    `iptables --wait --table filter --delete FORWARD -o ${gone} -j DOCKER`,
    `ip link del dev ${gone}`,
  ]);
});

test("the sweep goes on where Docker removes a rule at the same moment", async () => {
  const { bridge } = linkNames(owner, "ses_gone");
  const deletion = (rule: string) => `iptables --wait --table filter --delete FORWARD ${rule}`;
  const removed = deletion(`-o ${bridge} -j DOCKER`);
  const { runner, changes } = recordingRunner({
    "ip -j -d link show type bridge": JSON.stringify([link(bridge)]),
    "iptables-save --table filter": `-A FORWARD -o ${bridge} -j DOCKER\n-A FORWARD -i ${bridge} -o ${bridge} -j ACCEPT\n`,
    [removed]: refusal(removed, "iptables: Bad rule (does a matching rule exist in that chain?)."),
  });
  expect(await sweepLinks(runner, owner, new Set())).toEqual([bridge]);
  expect(changes().split("\n").slice(-2)).toEqual([
    deletion(`-i ${bridge} -o ${bridge} -j ACCEPT`),
    `ip link del dev ${bridge}`,
  ]);
});

test("the sweep runs nothing when there is nothing to remove", async () => {
  const { runner, changes } = recordingRunner();
  expect(await sweepLinks(runner, owner, new Set())).toEqual([]);
  expect(changes()).toBe("");
});
