/** Tokens and projects against a real API: many requests at once, and an API that is killed. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { type TestApi, testApi } from "./support/server.ts";

let api: TestApi;
beforeAll(async () => {
  api = await testApi({ requestBurst: 1_000_000 });
});
afterAll(() => api.close());

interface Made {
  id: string;
  authorization: string;
}

async function mint(project: string, role = "user"): Promise<Made> {
  const response = await api.call("POST", "/v1/tokens", { project, role });
  expect(response.status).toBe(201);
  const { id, token } = (await response.json()) as { id: string; token: string };
  return { id, authorization: `Bearer ${token}` };
}

async function ask({ authorization }: Made): Promise<number> {
  const response = await api.call("GET", "/v1/sessions", undefined, { authorization });
  await response.arrayBuffer();
  return response.status;
}

async function auditLog(): Promise<{ status: number; target: string | null }[]> {
  const entries: { status: number; target: string | null }[] = [];
  for (let cursor: string | null = ""; cursor !== null; ) {
    const page = await api.call("GET", `/v1/audit?limit=200${cursor && `&cursor=${cursor}`}`);
    const body = (await page.json()) as { items: typeof entries; nextCursor: string | null };
    entries.push(...body.items);
    cursor = body.nextCursor;
  }
  return entries;
}

test("one name requested 10 times at once in each of 10 projects: each project has it exactly once", async () => {
  const projects = await Promise.all(Array.from({ length: 10 }, (_, i) => mint(`project-${i}`)));
  const answers = await Promise.all(
    projects.flatMap(({ authorization }, project) =>
      Array.from({ length: 10 }, async () => {
        const body = { image: "debian:12", name: "train" };
        const response = await api.call("POST", "/v1/sessions", body, { authorization });
        const { id, code } = (await response.json()) as { id?: string; code?: string };
        return { project, id, code };
      }),
    ),
  );
  const made = answers.filter(({ id }) => id !== undefined);
  expect(made.map(({ project }) => project).sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  expect(new Set(made.map(({ id }) => id)).size).toBe(10);
  expect(answers.filter(({ code }) => code === "name_in_use")).toHaveLength(90);
});

test("a token revoked amid many requests is refused from the answer on", async () => {
  const token = await mint("busy");
  const before = await Promise.all(Array.from({ length: 20 }, () => ask(token)));
  expect(new Set(before)).toEqual(new Set([200]));
  const [during, revoked] = await Promise.all([
    Promise.all(Array.from({ length: 50 }, () => ask(token))),
    api.call("DELETE", `/v1/tokens/${token.id}`).then(async ({ status }) => ({
      status,
      after: await Promise.all(Array.from({ length: 50 }, () => ask(token))),
    })),
  ]);
  expect(during.every((status) => status === 200 || status === 401)).toBe(true);
  expect(revoked).toEqual({ status: 204, after: Array.from({ length: 50 }, () => 401) });
});

test("an API that was killed still refuses the revoked token, and accepts every other one", async () => {
  const [revoked, good] = [await mint("a"), await mint("a")];
  expect((await api.call("DELETE", `/v1/tokens/${revoked.id}`)).status).toBe(204);
  await api.kill();
  await api.start();
  expect([await ask(revoked), await ask(good)]).toEqual([401, 200]);
  const { items } = (await (await api.call("GET", "/v1/tokens")).json()) as {
    items: { id: string; revokedAt: string | null }[];
  };
  expect(items.filter(({ revokedAt }) => revokedAt !== null).map(({ id }) => id)).toContain(revoked.id);
});

test("a flood of wrong tokens leaves its last 1,000 in the audit log, and displaces no change", async () => {
  const last = await mint("kept");
  const strangers = { authorization: "Bearer wrong" };
  for (let i = 0; i < 12; i++) {
    await Promise.all(
      Array.from({ length: 100 }, async () => {
        const response = await api.call("GET", "/v1/nodes", undefined, strangers);
        await response.arrayBuffer();
        expect(response.status).toBe(401);
      }),
    );
  }
  // The last refusals may still arrive while the pages are read, and push out the first ones.
  await expect
    .poll(async () => (await auditLog()).filter(({ status }) => status >= 400).length, { timeout: 20_000 })
    .toBe(1000);
  const changes = (await auditLog()).filter(({ status }) => status < 400);
  expect(changes.map(({ target }) => target)).toContain(last.id);
}, 60_000);
