/** The clients as their users have them, against a real API without nodes: the SDK's package in an empty project, and the file for Python. */
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { Ajv } from "ajv";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { printedIn } from "./support/readme.ts";
import { type SdkProject, sdkProject } from "./support/sdk-project.ts";
import { type TestApi, testApi } from "./support/server.ts";

const ROOT = join(import.meta.dirname, "..");
const PYTHON = join(ROOT, "sdk/python");
const run = promisify(execFile);

let api: TestApi;
const environment = () => ({ SKEIN_API: api.server.url, SKEIN_TOKEN: api.server.token });

beforeAll(async () => {
  api = await testApi();
});
afterAll(() => api.close());

/** Uses what needs no container, and prints what it saw as JSON. */
const PROGRAM = `import { ApiProblem, createSkein, SessionEnded } from "skein-sdk";
import { forward } from "skein-sdk/node";

const skein = createSkein({ api: process.env.SKEIN_API!, token: process.env.SKEIN_TOKEN });
// @ts-expect-error: an image has a name
void (() => skein.createSession({ body: { image: 1 } }));
for (const name of ["first", "second"]) await skein.createSession({ body: { name, image: "debian:12" } });
const listed: string[] = [];
for await (const session of skein.sessions({ status: "pending" })) listed.push(session.name);
const codeOf = (error: unknown) => (error instanceof ApiProblem ? error.problem.code : String(error));
const refused = await skein.run({ session: "first" }, { command: ["true"] }).catch(codeOf);
const forwarding = await forward(skein, { session: "first" }, 8888);
const given = await skein.waitUntil("first", "running", { signal: AbortSignal.timeout(300) }).catch((error: Error) => error.name);
const ended = skein.waitUntil("first", "ended");
await skein.endSession({ path: { id: "first" } });
const never = await skein.waitUntil("first", "running").catch((error) => error instanceof SessionEnded && error.session.status);
const { status } = await ended;
console.log(JSON.stringify({ listed, refused, listens: forwarding.local > 0, given, status, never }));
forwarding.close();
`;

/** Node's types, as a project finds them in its own node_modules. */
const NODE = ["--module", "nodenext", "--types", "node", "--typeRoots", join(ROOT, "node_modules/@types")];
const BROWSER = ["--module", "esnext", "--moduleResolution", "bundler", "--lib", "es2024,dom", "--types", ""];

describe("the SDK's package in an empty project", () => {
  let project: SdkProject;
  beforeAll(async () => {
    project = await sdkProject();
    project.write("program.ts", PROGRAM);
    project.write("readme.ts", printedIn("README.md", "ts"));
    project.write("sdk-readme.ts", printedIn("sdk/README.md", "ts"));
    project.write(
      "browser.ts",
      'import { createSkein } from "skein-sdk";\nvoid createSkein({ api: "" }).sessions();\n',
    );
  });
  afterAll(() => project.remove());

  test("type-checks in Node and in browsers, with the examples of the documents", async () => {
    expect(await project.check(["program.ts", "readme.ts", "sdk-readme.ts"], NODE)).toBe("");
    expect(await project.check(["browser.ts"], BROWSER)).toBe("");
  });

  test("lists, waits, ends and refuses", async () => {
    expect(JSON.parse(await project.node("program.ts", environment()))).toEqual({
      listed: ["second", "first"],
      refused: "not_running",
      listens: true,
      given: "TimeoutError",
      status: "terminated",
      never: "terminated",
    });
  });
});

test("the client for Python passes its own tests, with the machine's Python", async () => {
  const env = { ...process.env, ...environment(), PYTHONDONTWRITEBYTECODE: "1" };
  const { stderr } = await run("python3", ["-W", "error", "-m", "unittest", "test_skein"], {
    cwd: PYTHON,
    env,
  });
  expect(stderr).toMatch(/^Ran \d\d tests/m);
  expect(stderr).toMatch(/^OK$/m);
});

test("an editor's schema takes the README's YAML and an example's request, and finds what is wrong", async () => {
  const answer = await fetch(`${api.server.url}/schema/session.json`);
  const check = new Ajv({ strict: false }).compile((await answer.json()) as object);
  expect(check(parse(printedIn("README.md", "yaml"))), JSON.stringify(check.errors)).toBe(true);
  expect(check(JSON.parse(readFileSync(join(ROOT, "examples/roles/session.json"), "utf8")))).toBe(true);
  for (const wrong of [{ clusterSise: 2 }, { clusterSize: "2" }, { roles: [{ replicas: 0 }] }])
    expect(check({ image: "debian:12", ...wrong }), JSON.stringify(wrong)).toBe(false);
});
