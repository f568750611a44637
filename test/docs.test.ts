/** The documents name files that exist: each relative link with its heading, and each path in backticks. */
import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { describe, expect, test } from "vitest";

const ROOT = resolve(import.meta.dirname, "..");
const documents = globSync("**/*.md", { cwd: ROOT, exclude: ["**/node_modules", "**/.*"] }).sort();

/** With its fenced blocks left out: what stands there is output, or an example. */
function proseOf(text: string): string {
  return text.replace(/^```[\s\S]*?^```$/gm, "");
}

function read(path: string): string {
  return proseOf(readFileSync(join(ROOT, path), "utf8"));
}

/** Targets of links, without those to other sites. */
function linksOf(prose: string): string[] {
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target]) => target!)
    .filter((target) => !/^[a-z]+:/.test(target));
}

/** `folder/file.ext` in backticks. */
function pathsOf(prose: string): string[] {
  return [...prose.matchAll(/`(\w[\w.-]*(?:\/[\w.-]+)+\.(?:ts|md|txt|json|toml|sh))`/g)].map(
    ([, path]) => path!,
  );
}

/** A heading's anchor, as GitHub makes it. */
function anchorOf(heading: string): string {
  const text = heading.toLowerCase().replace(/[^\p{L}\p{N}\s_-]/gu, "");
  return text.trim().replace(/\s/g, "-");
}

function anchorsOf(prose: string): string[] {
  return [...prose.matchAll(/^#+ (.+)$/gm)].map(([, heading]) => anchorOf(heading!));
}

/** What is wrong with a link; undefined: nothing. */
function brokenLink(document: string, target: string): string | undefined {
  const [path, anchor] = target.split("#") as [string, string?];
  const file = path === "" ? document : relative(ROOT, resolve(ROOT, dirname(document), path));
  if (!existsSync(join(ROOT, file))) return `${target}: there is no ${file}`;
  if (anchor === undefined || anchorsOf(read(file)).includes(anchor)) return undefined;
  return `${target}: ${file} has no heading for #${anchor}`;
}

function brokenIn(document: string, prose: string): string[] {
  const missing = pathsOf(prose).filter((path) => !existsSync(join(ROOT, path)));
  return [
    ...linksOf(prose).flatMap((target) => brokenLink(document, target) ?? []),
    ...missing.map((path) => `there is no ${path}`),
  ];
}

/** Part → folder → what it may import, as the tables of layering.test.ts have it; without the folders of fixtures. */
function layering(): Map<string, string[]> {
  const source = readFileSync(join(ROOT, "test/layering.test.ts"), "utf8");
  const [, inside] = /^const INSIDE.*\{\n([\s\S]*?)^\};/m.exec(source)!;
  const parts = [...inside!.matchAll(/^ {2}(\w+): \{\n([\s\S]*?)^ {2}\},/gm)];
  const rows = parts.flatMap(([, part, folders]) =>
    [...folders!.matchAll(/(\w+): \[([^\]]*)\]/g)].map(([, folder, list]) => {
      const known = [...list!.matchAll(/"([^"]+)"/g)].map(([, name]) => name!);
      return [`${part}/${folder}`, known] as const;
    }),
  );
  return new Map(rows.filter(([folder]) => !folder.endsWith("/testing")));
}

/** The same, as docs/architecture.md has it: `**shared/**`, then a table of its folders. */
function documented(): Map<string, string[]> {
  const page = read("docs/architecture.md");
  const rows = [...page.matchAll(/^\*\*`(\w+)\/`\*\*\n\n((?:\|.*\n)+)/gm)].flatMap(([, part, table]) =>
    [...table!.matchAll(/^\| `(\w+)` \|.*\|(.*)\|$/gm)].map(([, folder, cell]) => {
      const known = [...cell!.matchAll(/`([^`]+)`/g)].map(([, name]) => name!);
      return [`${part}/${folder}`, known] as const;
    }),
  );
  return new Map(rows);
}

test("docs/architecture.md has every folder with what it may import, and no other", () => {
  expect(documented()).toEqual(layering());
  expect(layering().get("shared/queue")).toEqual(["network", "plan", "request"]);
});

describe("the documents", () => {
  test("are all seen", () => {
    expect(documents).toEqual(
      expect.arrayContaining(["CONTRIBUTING.md", "README.md", "docs/architecture.md", "test/lab/README.md"]),
    );
  });

  test.each(documents)("%s names only files and headings that exist", (document) => {
    expect(brokenIn(document, read(document))).toEqual([]);
  });

  test("a file, a link and a heading that do not exist would be found", () => {
    const prose =
      "`shared/no-such-file.ts`, [there](no-such.md), [a heading](protocol.md#no-such), [fine](protocol.md)";
    expect(brokenIn("docs/architecture.md", prose)).toHaveLength(3);
  });

  test("what stands in a fenced block is no claim", () => {
    expect(proseOf("before\n```sh\n[a](b.md)\n```\nafter")).toBe("before\n\nafter");
  });
});
