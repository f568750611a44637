/** docs/frameworks.md has the table of frameworks.ts and the files of host-files.ts, row by row. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { FAMILIES, TABLE } from "./frameworks.ts";
import { FILES } from "./host-files.ts";

const text = readFileSync(new URL("../../docs/frameworks.md", import.meta.url), "utf8");
/** The cells of each row that begins with this cell in backticks. */
const rows = (first: RegExp) =>
  text
    .split("\n")
    .filter((line) => line.startsWith("| `") && first.test(line))
    .map((line) => line.split(" | ").map((cell) => cell.replace(/^\| | \|$/g, "").trim()));

test("each variable with its family, its value, and where it was looked up", () => {
  const documented = rows(/^\| `[A-Z_a-z]+` \| `[a-zA-Z]+` \| /);
  expect(documented.map(([name, family, value]) => [name, family, value])).toEqual(
    FAMILIES.flatMap((family) =>
      TABLE[family].variables.map(({ name, says }) => [`\`${name}\``, `\`${family}\``, says]),
    ),
  );
  for (const [name, , , source] of documented) expect(source, name).toMatch(/\w/);
});

test("each file with its family", () => {
  const ofFamily = new Map(FAMILIES.flatMap((family) => TABLE[family].files.map((path) => [path, family])));
  const documented = rows(/^\| `\/[\w./]+` \| `[a-zA-Z]+` \| /).map(([path, family]) => [path, family]);
  expect(documented).toEqual(
    [...Object.keys(FILES)].map((path) => [`\`${path}\``, `\`${ofFamily.get(path as keyof typeof FILES)}\``]),
  );
});
