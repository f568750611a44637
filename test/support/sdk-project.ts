/** An empty project that has installed the SDK's package, as its users do. */
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const ROOT = join(import.meta.dirname, "../..");
const run = promisify(execFile);

export interface SdkProject {
  write(name: string, source: string): void;
  /** What the TypeScript compiler says of these files; empty: nothing is wrong. */
  check(files: readonly string[], options: readonly string[]): Promise<string>;
  /** Runs a file with Node, which leaves out the types; resolves to its stdout. */
  node(file: string, env: Record<string, string>): Promise<string>;
  remove(): void;
}

/** Packs the SDK by `npm pack`, and installs the package. Nothing of this repository can be imported from there. */
export async function sdkProject(): Promise<SdkProject> {
  const directory = mkdtempSync(join(tmpdir(), "skein-sdk-"));
  const quiet = ["--silent", "--offline", "--no-audit", "--no-fund"];
  const { stdout: packed } = await run("npm", ["pack", ...quiet, "--pack-destination", directory], {
    cwd: join(ROOT, "sdk"),
  });
  const name = packed.trim().split("\n").at(-1)!;
  writeFileSync(join(directory, "package.json"), JSON.stringify({ type: "module" }));
  await run("npm", ["install", ...quiet, `./${name}`], { cwd: directory });
  return {
    write: (file, source) => writeFileSync(join(directory, file), source),
    check: (files, options) =>
      run(join(ROOT, "node_modules/.bin/tsc"), ["--noEmit", "--strict", ...options, ...files], {
        cwd: directory,
      }).then(
        () => "",
        ({ stdout }: { stdout: string }) => stdout,
      ),
    async node(file, env) {
      const { stdout } = await run(process.execPath, [file], {
        cwd: directory,
        env: { ...process.env, ...env },
      });
      return stdout;
    },
    remove: () => rmSync(directory, { recursive: true }),
  };
}
