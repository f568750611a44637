/** The examples' READMEs and image files: what can be held without a lab. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { recipes } from "./lab/recipes.ts";
import { examples } from "./support/examples.ts";

const read = (path: string) => readFileSync(join(import.meta.dirname, "../examples", path), "utf8");

test("the table names every example, with the image of its command", () => {
  const table = read("README.md");
  for (const { name, script } of examples) {
    const [, inFile] = /-f (examples\/\S+\.json)/.exec(script) ?? [];
    const source = inFile ? read(inFile.replace("examples/", "")) : script;
    const [image] = /skein\/\w+:\d+/.exec(source)!;
    expect(table).toMatch(
      new RegExp(`^\\| \\[${name}\\]\\(${name}/README.md\\) \\|.*\\| \`${image}\` \\|$`, "m"),
    );
  }
});

test.each(["tools", "torch", "jupyter"] as const)(
  "%s.Dockerfile has the packages of the lab's image",
  (name) => {
    const { packages, suite } = recipes[name];
    const [from, ...rest] = read(`images/${name}.Dockerfile`).trim().split("\n");
    expect(from).toBe(`FROM debian:${suite}`);
    const installed = rest[1]!.trim().split(" ");
    expect(packages).toEqual(expect.arrayContaining(installed));
  },
);
