/** What parts print goes through one file of each, which cleans it: so no command can forget. */
import { globSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, test } from "vitest";

const ROOT = resolve(import.meta.dirname, "..");

/** Part → its files that may touch the terminal, with the reason. */
const RAW: Record<string, Record<string, string>> = {
  cli: {
    "cli/attach.ts": "joins the terminal with a command; its bytes are the user's own",
    "cli/line-printer.ts": "prints containers' output; its bytes are the user's own",
    "cli/print.ts": "cleans what everything else says",
    "cli/terminal-block.ts": "moves the cursor; cleans each line",
    "cli/terminal-text.ts": "asks whether stdout takes colours",
  },
  agent: { "agent/log.ts": "cleans each entry" },
  api: { "api/platform/log-error.ts": "cleans each entry" },
};

const TOUCHES = /\bconsole\.|\bprocess(\.std(out|err)\b|\[)/;

describe.each(Object.entries(RAW))("%s/", (part, raw) => {
  const files = globSync(`${part}/**/*.ts`, { cwd: ROOT, exclude: ["**/*.test.ts"] });
  const touching = files.filter((file) => TOUCHES.test(readFileSync(join(ROOT, file), "utf8")));

  test("prints only where it is cleaned", () => {
    expect(touching.sort()).toEqual(Object.keys(raw).sort());
  });
});
