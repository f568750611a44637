import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const MAIN = join(import.meta.dirname, "main.ts");

/** Prints the packages that a process loads. */
const HOOK = `
  import { registerHooks } from "node:module";
  const loaded = new Set();
  registerHooks({
    load(url, context, next) {
      const [, name] = /node_modules\\/((?:@[^/]+\\/)?[^/]+)/.exec(url) ?? [];
      if (name) loaded.add(name);
      return next(url, context);
    },
  });
  process.on("exit", () => console.error(JSON.stringify([...loaded])));
`;

/** zod takes 60 ms of a command's 120. The API checks what it is sent. */
test.each(["ps", "run", "exec", "logs", "cp", "forward", "ssh", "ssh-config", "events", "wait", "rm"])(
  "skein %s starts without loading schemas",
  async (command) => {
    const { stderr } = await promisify(execFile)(process.execPath, [
      ...["--import", `data:text/javascript,${encodeURIComponent(HOOK)}`],
      ...[MAIN, command, "--help"],
    ]);
    const loaded: string[] = JSON.parse(stderr.trim().split("\n").at(-1)!);
    expect(loaded).toContain("fastest-levenshtein");
    expect(loaded).not.toContain("zod");
  },
);
