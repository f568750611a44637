/** `skein cp`. */
import { UsageError } from "../cli-error.ts";
import { withApi } from "../client.ts";
import { defineCommand, JSON_OPTION } from "../command.ts";
import { byteCounter } from "../files/byte-counter.ts";
import { copyIn, copyOut, copyStreamOut, STREAM } from "../files/copy.ts";
import { copyOf } from "../files/copy-paths.ts";
import { sayLeftOut } from "../files/left-out.ts";
import { printJson } from "../print.ts";

export const cp = defineCommand({
  options: {
    "follow-link": { type: "boolean", short: "L", about: "copy what SOURCE leads to, where it is a link" },
    ...JSON_OPTION,
  },
  positionals: { name: "SOURCE TARGET", min: 2, max: 2 },
  notes:
    "One of the two is in a container: SESSION:PATH for main1, SESSION/HOST:PATH, or SESSION/*:PATH as a target for all. Write ./a:b for a file here.\n" +
    "- is a tar archive: as SOURCE from stdin, unpacked in the directory TARGET; as TARGET to stdout.\n" +
    "As docker cp: a directory goes with all that is in it, into TARGET if that is there, else as TARGET. DIR/. is only what is in it.\n" +
    "Modes and links are kept. In a container the files belong to its user. Devices, and links that lead out of TARGET, are not copied out of one.",
  async run({ options, positionals: [source, target] }) {
    const copy = copyOf(source!, target!);
    if (options.json && copy.direction === "out" && copy.local === STREAM)
      throw new UsageError("--json and a tar archive on stdout exclude each other");
    const counter = byteCounter(source!);
    const follow = options["follow-link"];
    return await withApi(async (skein) => {
      try {
        if (copy.direction === "in") {
          const bytes = await copyIn(skein, copy, follow, counter.count);
          if (options.json) printJson({ bytes, leftOut: [] });
          return 0;
        }
        if (copy.local === STREAM) {
          await copyStreamOut(skein, copy.remote, follow, counter.count);
          return 0;
        }
        const { bytes, leftOut } = await copyOut(skein, copy, follow, counter.count);
        if (options.json) printJson({ bytes, leftOut });
        else sayLeftOut(leftOut);
        return leftOut.length > 0 ? 1 : 0;
      } finally {
        counter.end();
      }
    });
  },
});
