/** `skein setup`: fetches everything that needs a package registry. The launcher has installed the npm packages before this runs. */
import { ensureRootfs } from "../../test/lab/images.ts";
import { ensurePackages } from "../../test/lab/packages.ts";
import { defineCommand, JSON_OPTION } from "../command.ts";
import { ensureKit } from "../kit.ts";
import { print, printJson, say } from "../print.ts";

interface Step {
  /** The commands that work once it is done. */
  gives: string;
  needsRoot: boolean;
  run(): Promise<unknown>;
}

/** In this order: the kit's build needs the system packages. */
const STEPS: readonly Step[] = [
  { gives: "system packages", needsRoot: true, run: ensurePackages },
  { gives: "kit", needsRoot: false, run: ensureKit },
  { gives: "lab images", needsRoot: true, run: () => ensureRootfs() },
];

export const setup = defineCommand({
  options: JSON_OPTION,
  notes:
    "Run it as root on a machine that will be a node, or that runs the demo or the tests: Debian's packages need that.",
  async run({ options }) {
    const ready = ["npm packages"];
    const tell = () => {
      if (options.json) printJson({ ready });
    };
    if (!options.json) print("npm packages: ready");
    if (process.platform !== "linux") {
      say("on this system Skein is a client and an API; nodes, demo and tests need Linux");
      tell();
      return 0;
    }
    const root = process.getuid?.() === 0;
    let failed = false;
    for (const step of STEPS) {
      try {
        await step.run();
        ready.push(step.gives);
        if (!options.json) print(`${step.gives}: ready`);
      } catch (error) {
        say(`${step.gives}: ${(error as Error).message}`);
        // Not being root is no failure: client and API work without it, and the output names what is missing.
        if (root || !step.needsRoot) failed = true;
      }
    }
    tell();
    return failed ? 1 : 0;
  },
});
