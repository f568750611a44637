/** An API at its limit of agents: it refuses new ones with Retry-After, and connected ones stay. */
import { evictDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import type { Problem } from "../../shared/errors/errors.ts";
import { linkOf } from "../platform/objects.ts";
import { create, settled } from "../testing/call-api.ts";
import { askForLink, dial } from "../testing/connection.ts";
import { FakeAgent, readyNode } from "../testing/fake-agent.ts";
import { withSettings } from "../testing/settings.ts";
import { greetingBegins, isBusyGreeting, openLinks } from "./open-links.ts";

test("MAX_LINKS: 503 before the upgrade, connected agents go on, and one that leaves makes room", async () => {
  const [first, second] = [await readyNode(), await readyNode()];
  const third = await FakeAgent.join();
  await withSettings({ maxLinks: 2 }, async () => {
    const refused = await askForLink(third.id);
    expect([refused.status, refused.webSocket]).toEqual([503, null]);
    expect(refused.headers.get("retry-after")).toBe("30");
    expect(refused.headers.get("content-type")).toBe("application/problem+json");
    expect(await refused.json<Problem>()).toMatchObject({
      code: "unavailable",
      retryAfter: 30,
      detail: expect.stringMatching(/holds 2 agents.*MAX_LINKS/),
    });

    for (const { link } of [first, second]) link.follow();
    const { id } = await create({ clusterMode: "multi-node", clusterSize: 2 });
    expect((await settled(id)).status).toBe("running");

    second.link.close();
    await expect.poll(openLinks).toBe(1);
    const { welcome, link } = await third.welcomed();
    expect(welcome.connection).toBe(1);
    expect((await askForLink((await FakeAgent.join()).id)).status).toBe(503);
    link.close();
    await expect.poll(openLinks).toBe(1);
  });
});

test("MAX_LINKS: a node with a session is let in all the same, and an idle one of its Link makes way", async () => {
  const { agent, link } = await readyNode();
  link.follow();
  const { id } = await create({});
  expect((await settled(id)).status).toBe("running");
  link.close();
  await link.closed;
  const idle = await idleBeside(agent);
  await withSettings({ maxLinks: openLinks() }, async () => {
    const { welcome } = await agent.welcomed();
    expect(welcome.assignments).toHaveLength(1);
    expect((await idle.link.closed).code).toBe(4011);
    expect((await askForLink(idle.agent.id)).status).toBe(503);
  });
}, 30_000);

/** An idle node, with its link up, whose Link object is also this agent's. */
async function idleBeside(other: FakeAgent) {
  for (;;) {
    const agent = await FakeAgent.join();
    if (linkOf(env, agent.id).id.equals(linkOf(env, other.id).id))
      return { agent, ...(await agent.welcomed()) };
  }
}

test("links that went down with their Link are not counted once it wakes", async () => {
  const { agent } = await readyNode();
  const before = openLinks();
  await evictDurableObject(linkOf(env, agent.id), { webSockets: "close" });
  await linkOf(env, agent.id).sweep();
  expect(openLinks()).toBe(before - 1);
});

test("a refused agent takes no place", async () => {
  const before = openLinks();
  const agent = await FakeAgent.join();
  const link = await agent.connect((hello) => ({ ...hello, signature: "AAAA" }));
  expect((await link.closed).code).toBe(4001);
  await expect.poll(openLinks).toBe(before);
});

test("while 256 agents are connecting, the next gets Retry-After: 2; connected agents stay", async () => {
  const { agent, link } = await readyNode();
  const answered = Array.from({ length: 256 }, greetingBegins);
  const refused = await askForLink(agent.id);
  expect([refused.status, refused.headers.get("retry-after")]).toEqual([503, "2"]);
  await link.ping();
  for (const answer of answered) answer();
  expect((await agent.welcomed()).welcome.connection).toBe(2);
});

test("an agent that was accepted, was refused or has left is no longer counted as connecting", async () => {
  const { agent } = await readyNode();
  const answered = Array.from({ length: 255 }, greetingBegins);
  const left = await dial(agent.id);
  expect(isBusyGreeting()).toBe(true);
  left.close();
  await left.closed;
  await expect.poll(isBusyGreeting).toBe(false);
  await (await agent.connect((hello) => ({ ...hello, signature: "AAAA" }))).closed;
  await expect.poll(isBusyGreeting).toBe(false);
  await agent.welcomed();
  await expect.poll(isBusyGreeting).toBe(false);
  for (const answer of answered) answer();
});

test("of connections that dial as a node and send nothing, the oldest makes way for the fifth, and the node itself gets in", async () => {
  const { agent, link } = await readyNode();
  const silent = [];
  for (let i = 0; i < 4; i++) silent.push(await dial(agent.id));
  expect((await agent.welcomed()).welcome.connection).toBe(2);
  expect((await link.closed).code).toBe(4009);
  expect((await silent[0]!.closed).code).toBe(4011);
  await silent[3]!.ping();
});
