/**
 * Writes `sdk/openapi.json` and `sdk/generated/` from the API itself: starts it, and asks it for its OpenAPI document. With `--check` it
 * changes nothing, and fails if the checked-in files are out of date.
 */
import { globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createClient } from "@hey-api/openapi-ts";
import { ROOT, STATE } from "./paths.ts";
import { say } from "./print.ts";
import { startServer } from "./serve/server.ts";

const SDK = join(ROOT, "sdk");

/** Writes the document and the SDK into a directory. */
async function generate(directory: string, data: string): Promise<void> {
  const document = join(directory, "openapi.json");
  writeFileSync(document, await openApiDocument(data));
  const output = join(directory, "generated");
  await createClient({
    input: document,
    logs: { level: "silent", file: false },
    output: { path: output, clean: true, header: ["// @ts-nocheck"], module: { extension: ".ts" } },
    plugins: ["@hey-api/client-fetch", "@hey-api/typescript", "@hey-api/sdk"],
  });
}

async function openApiDocument(data: string): Promise<string> {
  const server = await startServer({ host: "127.0.0.1", port: 0, data });
  try {
    const response = await fetch(`${server.url}/openapi.json`);
    if (!response.ok) throw new Error(`GET /openapi.json: ${response.status} ${await response.text()}`);
    return `${JSON.stringify(sorted(await response.json()), null, 2)}\n`;
  } finally {
    await server.stop();
  }
}

/** Keys in order of their text, so that moving a route in the source changes nothing here. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, inner]) => [key, sorted(inner)]));
}

/** Paths below `sdk/` that differ from `fresh`, or exist on one side only. */
function stale(fresh: string): string[] {
  const paths = [SDK, fresh].flatMap((cwd) => globSync(["openapi.json", "generated/**/*.ts"], { cwd }));
  const read = (directory: string, path: string) => {
    try {
      return readFileSync(join(directory, path), "utf8");
    } catch {
      return undefined;
    }
  };
  return [...new Set(paths)].filter((path) => read(SDK, path) !== read(fresh, path)).sort();
}

mkdirSync(STATE, { recursive: true });
const work = mkdtempSync(join(STATE, "generate-"));
try {
  const check = process.argv.includes("--check");
  await generate(check ? work : SDK, join(work, "data"));
  const differing = check ? stale(work) : [];
  if (differing.length > 0) {
    say(`not current, run npm run generate:\n${differing.map((path) => `  sdk/${path}`).join("\n")}`);
    process.exitCode = 1;
  }
} finally {
  rmSync(work, { recursive: true });
}
