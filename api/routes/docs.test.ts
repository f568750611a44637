/** What people see in a browser: the viewer of the document, and the way to it. */
import { exports } from "cloudflare:workers";
import { expect, test } from "vitest";

const BROWSER = "text/html,application/xhtml+xml,*/*;q=0.8";
const PROGRAM = "*/*";

/** Without a token. The viewer's files and the way to it are not operations of the document. */
async function get(path: string, accept: string) {
  const request = new Request(`https://skein.test${path}`, { headers: { accept }, redirect: "manual" });
  const answer = await exports.default.fetch(request);
  return { status: answer.status, headers: answer.headers, body: await answer.text() };
}

function isNotFound({ status, body }: Awaited<ReturnType<typeof get>>): boolean {
  return status === 404 && (JSON.parse(body) as { code: string }).code === "not_found";
}

test("the page at /docs loads scripts and styles from the API alone, and its policy allows no other", async () => {
  const { status, body, headers } = await get("/docs", BROWSER);
  expect(status).toBe(200);
  const loaded = [...body.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, url]) => url!);
  expect(loaded.filter((url) => !/^(\/|data:,$)/.test(url))).toEqual([]);
  const policy = headers.get("content-security-policy")!;
  const [, script] = /<script>(.*)<\/script>/s.exec(body)!;
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(script));
  expect(policy).toContain(
    `script-src 'self' 'sha256-${btoa(String.fromCharCode(...new Uint8Array(digest)))}'`,
  );
  expect(policy).toContain("default-src 'none'");
  for (const url of loaded.filter((each) => each.startsWith("/docs/"))) {
    const file = await get(url, PROGRAM);
    expect([url, file.status, file.body.length > 50_000]).toEqual([url, 200, true]);
    expect(file.headers.get("content-type")).toMatch(/^text\/(css|javascript); charset=utf-8$/);
  }
});

test.each(["/docs/package.json", "/docs/index.html", "/docs/constructor", "/swagger-ui.css"])(
  "%s is none of the viewer's files",
  async (path) => {
    expect(isNotFound(await get(path, PROGRAM))).toBe(true);
  },
);

test("a browser is led to /docs from the root, and from where nothing is", async () => {
  const root = await get("/", BROWSER);
  expect([root.status, root.headers.get("location")]).toEqual([302, "/docs"]);
  const nothing = await get("/a<b>", BROWSER);
  expect([nothing.status, nothing.headers.get("content-type")]).toEqual([404, "text/html; charset=utf-8"]);
  expect(nothing.body).toContain('href="/docs"');
  expect(nothing.body).not.toContain("<b>");
});

test.each(["/", "/nothing"])("a program gets a problem at %s", async (path) => {
  expect(isNotFound(await get(path, PROGRAM))).toBe(true);
});

test("every operation that a client calls says how, with curl, TypeScript and Python", async () => {
  interface Operation {
    operationId: string;
    responses: object;
    "x-codeSamples": { label: string; source: string }[];
  }
  const { body } = await get("/openapi.json", PROGRAM);
  const { paths } = JSON.parse(body) as { paths: Record<string, Record<string, Operation>> };
  const operations = Object.values(paths).flatMap((item) => Object.values(item));
  const samples = (id: string) => operations.find((each) => each.operationId === id)!["x-codeSamples"];
  for (const { operationId, responses } of operations) {
    const labels = samples(operationId).map(({ label }) => label);
    if (!("101" in responses)) expect(labels, operationId).toEqual(["curl", "TypeScript", "Python"]);
  }
  expect(samples("execContainer").map(({ label }) => label)).toEqual(["TypeScript", "Python"]);
  expect(samples("patchNode").map(({ source }) => source)).toEqual([
    [
      'curl -X PATCH "$SKEIN_API/v1/nodes/gpu-a" \\',
      '  -H "Authorization: Bearer $SKEIN_TOKEN" \\',
      "  -H 'Content-Type: application/json' \\",
      `  -d '{"schedulable":false}'`,
    ].join("\n"),
    'const answer = await skein.patchNode({ path: { id: "gpu-a" }, body: {"schedulable":false} });',
    `answer = skein.call('PATCH', '/v1/nodes/gpu-a', {"schedulable":False})`,
  ]);
});
