/** `skein version`. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { defineCommand, JSON_OPTION } from "../command.ts";
import { ROOT } from "../paths.ts";
import { print, printJson } from "../print.ts";

export const version = defineCommand({
  options: JSON_OPTION,
  async run({ options }) {
    const { version } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as { version: string };
    if (options.json) printJson({ version });
    else print(`skein ${version}`);
  },
});
