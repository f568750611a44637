/**
 * `npm test`: runs all checks and tests, even if some fail. Its last line says how many passed. With `--no-lab` (`npm run check`) it leaves
 * out the tests on the lab's Docker hosts.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";

const ROOT = join(import.meta.dirname, "..");

interface Count {
  passed: number;
  failed: number;
}

/** The fields read from the output of vitest's JSON reporter. */
interface VitestReport {
  numPassedTests: number;
  numFailedTests: number;
}

/** A check without tests of its own counts as one. */
const CHECKS: readonly (readonly string[])[] = [
  ["tsc", "-p", "shared"],
  ["tsc", "-p", "api"],
  ["tsc", "-p", "."],
  ["biome", "check", "--error-on-warnings"],
  ["knip"],
  ["node", "cli/generate.ts", "--check"],
  ["wrangler", "deploy", "--dry-run"],
];

const VITEST = ["vitest", "run", "--reporter=default", "--reporter=json"];
const LAB = ["node", "test/lab/enter.ts", "--"];

async function run(argv: readonly string[]): Promise<boolean> {
  console.error(`\n> ${argv.join(" ")}`);
  const [program, ...args] = argv as [string, ...string[]];
  // Their output is progress; this program's answer is its last line.
  const env = { ...process.env, WRANGLER_SEND_METRICS: "false" };
  const child = spawn(program, args, { cwd: ROOT, env, stdio: ["ignore", process.stderr, process.stderr] });
  const [code] = await once(child, "exit");
  return code === 0;
}

async function check(argv: readonly string[]): Promise<Count> {
  const passed = await run(argv);
  return { passed: passed ? 1 : 0, failed: passed ? 0 : 1 };
}

/** A run that fails without a failed test (a file that does not load, a lab that does not come up) counts as one failed. */
async function tests(
  projects: readonly string[],
  reports: string,
  prefix: readonly string[] = [],
): Promise<Count> {
  const report = join(reports, `${projects.join("-")}.json`);
  const chosen = projects.flatMap((project) => ["--project", project]);
  const ok = await run([...prefix, ...VITEST, `--outputFile.json=${report}`, ...chosen]);
  const { numPassedTests, numFailedTests } = readReport(report);
  return { passed: numPassedTests, failed: ok ? numFailedTests : Math.max(numFailedTests, 1) };
}

function readReport(path: string): VitestReport {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as VitestReport;
  } catch {
    return { numPassedTests: 0, numFailedTests: 0 };
  }
}

const reports = mkdtempSync(join(ROOT, ".skein", "reports-"));
const counts: Count[] = [];
try {
  for (const argv of CHECKS) counts.push(await check(argv));
  counts.push(await tests(["unit", "workers"], reports));
  if (!process.argv.includes("--no-lab")) {
    for (const project of ["lab", "e2e"]) {
      counts.push(await tests([project], reports, LAB));
      // The lab's files until the next lab replaces them: logs, databases, state.
      counts.push(await check(["node", "test/secrets/scan.ts"]));
    }
  }
} finally {
  rmSync(reports, { recursive: true });
}
const sum = (key: keyof Count) => counts.reduce((total, count) => total + count[key], 0);
process.exitCode = sum("failed") > 0 ? 1 : 0;
console.log(`${sum("passed")} passed, ${sum("failed")} failed`);
