/** `queueTimeout` and `maxDuration` on a real API that is killed meanwhile. */
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import type { SessionView } from "../shared/session/session-schemas.ts";
import { TestNode } from "./support/node.ts";
import { type TestApi, testApi } from "./support/server.ts";

let api: TestApi;
beforeAll(async () => {
  api = await testApi();
});
afterAll(() => api.close());

async function session(method: string, path: string, body?: unknown): Promise<SessionView> {
  return (await (await api.call(method, path, body)).json()) as SessionView;
}

test("both limits hold over a SIGKILL of the API, and nobody has to ask", { timeout: 60_000 }, async () => {
  const node = await TestNode.join(api, "only");
  const first = await node.follow();
  const runs = await session("POST", "/v1/sessions?wait=20", { image: "a", maxDuration: 3 });
  const waits = await session("POST", "/v1/sessions", {
    image: "a",
    resources: { cpu: 1000 },
    queueTimeout: 3,
  });
  expect([runs.status, waits.status]).toEqual(["running", "pending"]);
  await api.kill();
  first.close();
  await api.start();
  const second = await node.follow();
  // The list comes from Fleet's index, and wakes no Session.
  const listed = async () =>
    ((await (await api.call("GET", "/v1/sessions")).json()) as { items: SessionView[] }).items;
  await vi.waitFor(
    async () => expect((await listed()).map(({ status }) => status)).toEqual(["failed", "failed"]),
    {
      timeout: 30_000,
      interval: 100,
    },
  );
  const [waited, ran] = await listed();
  expect(waited!.reason).toMatch(
    /^it waited 3 s, its queueTimeout, and could not begin: .*; 1st in the queue$/,
  );
  expect(ran!.reason).toMatch(/^it has run for 3 s, its maxDuration; /);
  second.close();
});
