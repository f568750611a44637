/** Apps of a `skein serve` on loopback: it has hosts for them without being told. Linux only. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ApiProblem, createSkein } from "../sdk/index.ts";
import { visit } from "./support/browser-like.ts";
import { ServeProcess } from "./support/serve-process.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "skein-apps-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

/** Why there is no link to an app of a session that waits for room. */
async function codeOfLink(api: string, token: string): Promise<string> {
  const skein = createSkein({ api, token });
  const { id } = await skein.createSession({ body: { image: "x", apps: [{ name: "board", port: 6006 }] } });
  const refused = await skein.createAppLink({ path: { id, name: "board" } }).catch((error: Error) => error);
  if (!(refused instanceof ApiProblem)) throw new Error("there is a link");
  return refused.problem.code;
}

describe.skipIf(process.platform !== "linux").each([
  { flags: [], atAppsHost: 401, code: "not_running" },
  { flags: ["--set", "APPS_DOMAIN="], atAppsHost: 200, code: "apps_domain_missing" },
])("skein serve $flags", ({ flags, atAppsHost, code }) => {
  test(`answers ${atAppsHost} at a name under localhost, and 200 at its own`, async () => {
    const serve = await ServeProcess.start({ data: join(directory, "data"), flags });
    try {
      const { port } = new URL(serve.url);
      const ask = async (name: string) =>
        (await visit({ at: serve.url, name: `${name}:${port}` }, "/healthz")).status;
      expect([await ask("board--x.localhost"), await ask("localhost"), await ask("127.0.0.1")]).toEqual([
        atAppsHost,
        200,
        200,
      ]);
      const token = readFileSync(join(directory, "data/admin-token"), "utf8").trim();
      expect(await codeOfLink(serve.url, token)).toBe(code);
    } finally {
      await serve.end("SIGKILL");
    }
  });
});
