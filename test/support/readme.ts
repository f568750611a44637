/** Programs that the documents print. */
import { readFileSync } from "node:fs";
import { join } from "node:path";

const ROOT = join(import.meta.dirname, "../..");

/** The first block of that language in a document, as printed. */
export function printedIn(document: string, language: string): string {
  const text = readFileSync(join(ROOT, document), "utf8");
  const [, program] = new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, "m").exec(text) ?? [];
  if (program === undefined) throw new Error(`${document} has no block of ${language}`);
  return program;
}
