/** The examples: each README shows a command, and what it prints. */
import { globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

const EXAMPLES = join(import.meta.dirname, "../../examples");

export interface Example {
  name: string;
  readme: string;
  /** Its first block of `sh`: a script, typed at the root of the checkout. */
  script: string;
  /** Its first block of `text`: lines that the script prints, in any order, besides what tells of the session. */
  printed: string[];
}

/** All examples, by name. */
export const examples: readonly Example[] = globSync("*/README.md", { cwd: EXAMPLES })
  .sort()
  .map((path) => {
    const readme = readFileSync(join(EXAMPLES, path), "utf8");
    return {
      name: dirname(path),
      readme,
      script: block(readme, "sh"),
      printed: block(readme, "text").trimEnd().split("\n"),
    };
  });

function block(readme: string, language: string): string {
  const found = new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, "ms").exec(readme);
  if (!found) throw new Error(`no block of ${language} in:\n${readme}`);
  return found[1]!;
}
