/** Which folder may import which: the third column of the table in docs/architecture.md, enforced. */
import { globSync, readFileSync } from "node:fs";
import { join, relative, resolve, sep } from "node:path";
import { describe, expect, test } from "vitest";

const ROOT = resolve(import.meta.dirname, "..");

/** Folder → the other folders it may import from. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  shared: [],
  api: ["shared"],
  agent: ["shared"],
  sdk: [],
  cli: ["sdk", "shared"],
  test: ["agent", "cli", "sdk", "shared"],
  bench: ["agent", "cli", "sdk", "shared", "test"],
};

/** Where one program starts another part of Skein: the files (by how their paths begin) whose work is that part. */
const MAY_ALSO: Record<string, readonly string[]> = {
  "cli/commands/agent.ts": ["agent"],
  "cli/commands/demo.ts": ["test"],
  "cli/commands/setup.ts": ["test"],
  "cli/demo/": ["test"],
  "cli/kit.ts": ["agent"],
};

interface Import {
  file: string;
  folder: string;
  target: string;
}

const folders = Object.keys(MAY_IMPORT);
const files = globSync(
  folders.map((folder) => `${folder}/**/*.ts`),
  { cwd: ROOT },
).sort();

/** Static and dynamic imports and re-exports of our own files, and in tests `vi.mock`. */
function importsOf(file: string): Import[] {
  const source = readFileSync(join(ROOT, file), "utf8");
  const specifiers = source.matchAll(/(?:\bfrom\s*|\bimport\s*\(?\s*|\bvi\.mock\(\s*)"(\.{1,2}\/[^"]+)"/g);
  return [...specifiers].map(([, specifier]) => {
    const target = relative(ROOT, resolve(ROOT, file, "..", specifier!));
    return { file, folder: file.split(sep)[0]!, target };
  });
}

function isAllowed({ file, folder, target }: Import): boolean {
  const to = target.split(sep)[0]!;
  return to === folder || MAY_IMPORT[folder]!.includes(to) || extrasOf(file).includes(to);
}

function extrasOf(file: string): readonly string[] {
  return Object.entries(MAY_ALSO).flatMap(([path, extra]) => (file.startsWith(path) ? extra : []));
}

describe("layering", () => {
  const imports = files.flatMap(importsOf);

  test("sees every folder, and imports in each kind of file", () => {
    expect(new Set(files.map((file) => file.split(sep)[0]))).toEqual(new Set(folders));
    expect(imports).toContainEqual({ file: "cli/main.ts", folder: "cli", target: "cli/command.ts" });
    expect(imports).toContainEqual(
      expect.objectContaining({ file: "cli/commands/index.ts", target: "cli/commands/serve.ts" }),
    );
  });

  test("no file imports from a folder that its own may not know", () => {
    const wrong = imports
      .filter((each) => !isAllowed(each))
      .map(({ file, target }) => `${file} imports ${target}`);
    expect(wrong).toEqual([]);
  });

  test("every exception is used", () => {
    for (const [path, extra] of Object.entries(MAY_ALSO)) {
      const used = imports
        .filter(({ file }) => file.startsWith(path))
        .map(({ target }) => target.split(sep)[0]);
      expect(used, path).toEqual(expect.arrayContaining([...extra]));
    }
  });

  test("a forbidden import would be found", () => {
    expect(isAllowed({ file: "api/index.ts", folder: "api", target: "agent/index.ts" })).toBe(false);
    expect(isAllowed({ file: "shared/request/spec.ts", folder: "shared", target: "sdk/index.ts" })).toBe(
      false,
    );
  });
});
