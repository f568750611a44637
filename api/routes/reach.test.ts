/** Requests for access to the node itself: refused if no node allows it, else placed on a node that does. */
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

test("a request that no node allows leaves nothing behind, for a session as for a plan", async () => {
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

test("what one node allows is placed there, and its assignment has it", async () => {
  await readyNode(nodeFacts(64));
  const { agent, link } = await readyNode(
    allowing({ mounts: [{ source: "/data", readOnly: true }], hostNetwork: true }),
  );
  const asked = { mounts, hostNetwork: true };
  const { containers } = await create({ ...asked, clusterMode: "multi-node", clusterSize: 2 });
  expect(containers.map(({ node }) => node)).toEqual([agent.name, agent.name]);
  const { layout, part } = await link.asked("prepared");
  expect(part!.containers).toMatchObject([asked, asked]);
  expect(layout!.members.map(([, , onNode]) => onNode)).toEqual([1, 1]);
});

test("a session waits for a node that allows it but is full or disconnected, and says so", async () => {
  const { link } = await readyNode(allowing({ privileged: true }));
  const first = await create({ privileged: true, resources: { cpu: 8 } });
  const second = await create({ privileged: true, resources: { cpu: 8 } });
  expect([first.status, second.status]).toEqual(["preparing", "pending"]);
  link.close();
  await expect
    .poll(async () => (await call<SessionView>("GET", `/v1/sessions/${second.id}`)).body.reason)
    .toMatch(/disconnected/);
});
