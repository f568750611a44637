/** Secrets are in the containers and nowhere else: no answer, event, log or database. */
import { statSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { contentOf, filesBelow } from "../../cli/testing/files-below.ts";
import type { SessionRequest } from "../../sdk/index.ts";
import type { SessionView } from "../../shared/session/session-schemas.ts";
import { skein } from "./cli.ts";
import { cluster, end, request, sh } from "./skein.ts";

/** `test/secrets/scan.ts` looks for such words after the run, too. */
const OF_ALL = "planted-secret-of-all = two words";
const OF_MAIN = "planted-secret-of-main";
const OF_SUB = "planted-secret-of-sub";

describe("secretEnv", () => {
  let session: SessionView;
  const name = "with-secrets";
  const body = {
    name,
    image: "skein/debian:12",
    clusterMode: "multi-node",
    env: { PLAIN: "seen" },
    secretEnv: { PLANTED_ALL: OF_ALL, PLANTED_MINE: OF_MAIN },
    roles: [
      { name: "main", replicas: 1 },
      { name: "sub", replicas: 2, secretEnv: { PLANTED_MINE: OF_SUB } },
    ],
  } satisfies SessionRequest;
  /** Every answer, event and line that the API gave. */
  const said: string[] = [];
  const key = { "idempotency-key": "with-secrets" };

  async function ask(
    method: string,
    path: string,
    sent?: object,
    headers?: Record<string, string>,
  ): Promise<void> {
    const answer = await request(method, path, sent, headers);
    expect(answer.status).toBeLessThan(300);
    said.push(JSON.stringify(answer.body));
  }

  beforeAll(async () => {
    await ask("POST", "/v1/plans", body);
    await ask("POST", "/v1/sessions", body, key);
    const { skein: admin } = await cluster();
    session = (await admin.waitUntil(name, "running")) as SessionView;
  });

  test("is in each container's environment, as its role has it", async () => {
    for (const [host, mine] of [
      ["main1", OF_MAIN],
      ["sub1", OF_SUB],
      ["sub2", OF_SUB],
    ] as const) {
      const printed = await sh(session, host, 'printf "%s|%s|%s" "$PLANTED_ALL" "$PLANTED_MINE" "$PLAIN"');
      expect(printed).toBe(`${OF_ALL}|${mine}|seen`);
    }
  });

  test("is in commands that come in by the API, and in SSH sessions", async () => {
    const { skein: admin } = await cluster();
    const command = ["sh", "-c", 'printf "%s|" "$PLANTED_MINE"; ssh sub2 printenv PLANTED_MINE'];
    const { stdout } = await admin.run({ session: name, host: "main1" }, { command });
    expect(String(stdout)).toBe(`${OF_MAIN}|${OF_SUB}\n`);
  });

  test("is in no answer, event, log or plan, and stored nowhere in the clear", async () => {
    const { api, agents, lab } = await cluster();
    await ask("POST", "/v1/sessions", body, key);
    const files = machineFiles(lab.dir);
    const assignments = files.filter((file) => file.endsWith("/assignment.json"));
    // The nodes themselves have it, for themselves only: each its own roles'.
    expect(found(assignments)).toHaveLength(3);
    for (const file of assignments) expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(found(files.filter((file) => !assignments.includes(file)))).toEqual([]);

    const description = await skein(["describe", name]);
    const plan = await skein(["plan", "--image", "skein/busybox:1", "--secret-env", `PLANTED_ALL=${OF_ALL}`]);
    expect([description.code, plan.code]).toEqual([0, 0]);
    said.push(...[description, plan].flatMap(({ stdout, stderr }) => [String(stdout), stderr]));
    await end(session);
    for (const path of [
      `/v1/sessions/${session.id}`,
      "/v1/sessions",
      "/v1/audit",
      "/v1/nodes",
      "/v1/registries",
    ])
      await ask("GET", path);
    said.push(await events(session.id), api.log(), ...agents.map((agent) => agent.log()));
    for (const text of said) expect(text).not.toMatch(/planted/i);
  });

  test("is gone from the nodes with the session", async () => {
    const { lab } = await cluster();
    expect(found(machineFiles(lab.dir))).toEqual([]);
  });
});

/** All events of a session that is over. */
async function events(session: string): Promise<string> {
  const { skein: admin } = await cluster();
  const all: object[] = [];
  for await (const event of admin.events({ session })) all.push(event);
  expect(all.length).toBeGreaterThan(5);
  return JSON.stringify(all);
}

/** Databases, logs and state of the lab's machines. Images and containers are the engines' own (`docker`). */
const machineFiles = (directory: string) => filesBelow(directory, "docker");

/** Those of the files that hold a secret of this test. */
function found(files: string[]): string[] {
  return files.filter((path) => contentOf(path).includes("planted-secret"));
}
