/** A session of four over three nodes: the same promise over the overlay, at its full MTU. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { SessionView } from "../../shared/session/session-schemas.ts";
import { expectNames, expectOpen, expectSsh, expectVariables } from "./matrix.ts";
import { end, HOSTS, running, sh } from "./skein.ts";

let session: SessionView;

beforeAll(async () => {
  session = await running({ image: "skein/debian:12", clusterSize: 4, clusterMode: "multi-node" });
});
afterAll(() => end(session));

/** Ordered pairs of hosts that are on different nodes. */
function crossings(): [string, string][] {
  return session.containers.flatMap((a) =>
    session.containers.filter((b) => b.node !== a.node).map((b): [string, string] => [a.host, b.host]),
  );
}

describe("a multi-node session of size 4 on 3 hosts", () => {
  test("has containers on all three hosts, on one overlay", () => {
    expect(session.containers.map((container) => container.host)).toEqual(["main1", "sub1", "sub2", "sub3"]);
    expect(new Set(session.containers.map((container) => container.node)).size).toBe(HOSTS);
    expect(session.network).toMatchObject({ driver: "overlay", mtu: 1450 });
    expect(session.network!.vni).toBeGreaterThanOrEqual(0x800000);
  });

  test("has all variables in every container and in every SSH session", () =>
    expectVariables(session, "main:1,sub:3"));

  test("has hostname and /etc/hosts right in each", () => expectNames(session));

  test("lets every ordered pair ssh, self included", () => expectSsh(session));

  test("lets each pair ping and connect on undeclared TCP and UDP ports", () => expectOpen(session));

  test("moves 1 MB over TCP each way between hosts", async () => {
    for (const [from, to] of crossings()) {
      const script = `head -c 1000000 /dev/urandom > /tmp/m; ssh ${to} cat < /tmp/m | cmp - /tmp/m`;
      await sh(session, from, script);
    }
  });

  test("passes a full-MTU packet with DF set, and refuses a larger one at the sender", async () => {
    const full = session.network!.mtu - 28;
    for (const [from, to] of crossings()) {
      await sh(session, from, `ping -c 1 -W 2 -M do -s ${full} ${to}`);
      await sh(session, from, `! ping -c 1 -W 1 -M do -s ${full + 1} ${to} 2>&1`);
    }
  });
});
