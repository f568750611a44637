/** Another build of the agent: the same sources, with one more optional field in the API's messages. */
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const ROOT = join(import.meta.dirname, "../..");
const SCHEMAS = "shared/protocol/assignment.ts";
/** The start of the schemas of layouts and parts; each occurs once. */
const BEGINNINGS = [
  ["export const Layout = z\n  .object({\n", "layout"],
  ["export const Part = z.object({\n", "part"],
] as const;

/** Makes it in `dir`; returns the program for `AgentProcess`. */
export function otherBuild(dir: string): string {
  for (const part of ["agent", "shared"]) cpSync(join(ROOT, part), join(dir, part), { recursive: true });
  const program = "test/support/agent-process.ts";
  mkdirSync(join(dir, "test/support"), { recursive: true });
  cpSync(join(ROOT, program), join(dir, program));
  cpSync(join(ROOT, "package.json"), join(dir, "package.json"));
  symlinkSync(join(ROOT, "node_modules"), join(dir, "node_modules"));
  let source = readFileSync(join(dir, SCHEMAS), "utf8");
  for (const [beginning, what] of BEGINNINGS) {
    if (!source.includes(beginning)) throw new Error(`${SCHEMAS} does not say where a ${what} begins`);
    source = source.replace(beginning, `${beginning}  fromTheFuture: z.string().optional(),\n`);
  }
  writeFileSync(join(dir, SCHEMAS), source);
  return join(dir, program);
}
