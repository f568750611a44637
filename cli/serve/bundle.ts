/** Bundles the API for workerd, once for each content of its sources. */
import { createHash } from "node:crypto";
import {
  copyFileSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { ROOT, STATE } from "../paths.ts";
import { ASSETS, workerdConfig } from "./config.ts";

/** What /docs loads (api/http/docs/viewer.ts). */
const VIEWER = join(ROOT, "node_modules/swagger-ui-dist");
const VIEWER_FILES = ["swagger-ui-bundle.js", "swagger-ui.css"];

const CACHE = join(STATE, "bundles");
/** Of 1 MB each. An API that runs needs its own as long as it runs. */
const KEPT = 20;

/**
 * A directory with `worker.js`, `workerd.capnp` and the static files, for the sources as they are now. Takes a few milliseconds if these sources were bundled
 * before. Safe to call from many processes at once.
 */
export async function bundleApi(): Promise<string> {
  const directory = join(CACHE, fingerprint());
  if (existsSync(directory)) {
    const now = new Date();
    utimesSync(directory, now, now);
    return directory;
  }
  mkdirSync(CACHE, { recursive: true });
  const making = mkdtempSync(join(CACHE, "making-"));
  await bundleTo(join(making, "worker.js"));
  writeFileSync(join(making, "workerd.capnp"), workerdConfig());
  mkdirSync(join(making, ASSETS));
  for (const name of VIEWER_FILES) copyFileSync(join(VIEWER, name), join(making, ASSETS, name));
  try {
    renameSync(making, directory);
  } catch (error) {
    // Another process was faster. The rename does not replace its directory, which has the same content.
    rmSync(making, { recursive: true });
    if (!existsSync(directory)) throw error;
  }
  keepNewest(CACHE, KEPT);
  return directory;
}

/** Removes all but those directories that were made or used last. */
export function keepNewest(parent: string, count: number): void {
  const byUse = readdirSync(parent)
    .map((name) => join(parent, name))
    .map((path) => ({ path, used: statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0 }))
    .sort((a, b) => b.used - a.used);
  for (const { path } of byUse.slice(count)) rmSync(path, { recursive: true, force: true });
}

/** Hash of everything that the bundle depends on: our sources, the packages' versions, the configuration. */
function fingerprint(): string {
  const hash = createHash("sha256");
  const sources = globSync(["api/**/*.{ts,html}", "shared/**/*.ts"], { cwd: ROOT }).sort();
  for (const path of [...sources, "package-lock.json"]) {
    hash
      .update(`${path}\0`)
      .update(readFileSync(join(ROOT, path)))
      .update("\0");
  }
  return hash.update(workerdConfig()).digest("hex").slice(0, 16);
}

async function bundleTo(outfile: string): Promise<void> {
  // Loaded only here: it starts its own program, and an existing bundle does not need it.
  const esbuild = await import("esbuild");
  try {
    await esbuild.build({
      entryPoints: [join(ROOT, "api/index.ts")],
      outfile,
      bundle: true,
      format: "esm",
      target: "es2024",
      platform: "neutral",
      mainFields: ["module", "main"],
      conditions: ["workerd", "worker", "browser"],
      external: ["cloudflare:*", "node:*"],
      loader: { ".html": "text" },
      logLevel: "warning",
    });
  } finally {
    await esbuild.stop();
  }
}
