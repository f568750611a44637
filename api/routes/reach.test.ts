/** What reaches past a container into its node: refused where no node allows it, placed where one does. */
import { reset } from "cloudflare:test";
import { afterEach, expect, test } from "vitest";
import type { SessionView } from "../../shared/session/session-schemas.ts";
import { call, create, problem } from "../testing/call-api.ts";
import { nodeFacts, readyNode } from "../testing/fake-agent.ts";

afterEach(() => reset());

const allowing = (over: object) => {
  const { facts, ...rest } = nodeFacts(8);
  return { ...rest, facts: { ...facts, allows: { ...facts.allows, ...over } } };
};
const mounts = [{ source: "/data", target: "/d", readOnly: true }];

test("nothing is kept of what no node allows, be it asked for or only planned", async () => {
  await readyNode(allowing({ privileged: true }));
  const body = { image: "a", name: "bold", mounts };
  for (const path of ["/v1/sessions", "/v1/plans"]) {
    const answer = await call("POST", path, body);
    expect(problem(answer)).toEqual([403, "not_allowed", ["mounts"]]);
  }
  expect((await call<{ items: unknown[] }>("GET", "/v1/sessions")).body.items).toEqual([]);
  // The name is free.
  await create({ name: "bold" });
});

test("what one node allows goes there, and the node is told of it", async () => {
  await readyNode(nodeFacts(64));
  const { agent, link } = await readyNode(
    allowing({ mounts: [{ source: "/data", readOnly: true }], hostNetwork: true }),
  );
  const asked = { mounts, hostNetwork: true };
  const { containers } = await create({ ...asked, clusterMode: "multi-node", clusterSize: 2 });
  expect(containers.map(({ node }) => node)).toEqual([agent.name, agent.name]);
  const { assignment } = await link.asked("prepared");
  expect(assignment!.containers).toMatchObject([asked, asked]);
  expect(assignment!.members.every(({ onNode }) => onNode)).toBe(true);
});

test("a session waits for a node that allows it and is full or away, and says so", async () => {
  const { link } = await readyNode(allowing({ privileged: true }));
  const first = await create({ privileged: true, resources: { cpu: 8 } });
  const second = await create({ privileged: true, resources: { cpu: 8 } });
  expect([first.status, second.status]).toEqual(["preparing", "pending"]);
  link.close();
  await expect
    .poll(async () => (await call<SessionView>("GET", `/v1/sessions/${second.id}`)).body.reason)
    .toMatch(/disconnected/);
});
