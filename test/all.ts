/**
 * `npm test`: runs all checks and tests, even if some fail. Its last lines name what failed, and say how many passed. With `--no-lab` (`npm run check`) it leaves
 * out the tests on the lab's Docker hosts.
 */
import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { join, relative } from "node:path";

const ROOT = join(import.meta.dirname, "..");

interface Outcome {
  passed: number;
  /** A few lines for each failure. */
  failures: string[];
}

/** The fields read from the output of vitest's JSON reporter. */
interface VitestReport {
  numPassedTests: number;
  testResults: {
    name: string;
    message: string;
    assertionResults: { fullName: string; status: string; failureMessages: string[] }[];
  }[];
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
const ENTER = ["node", "test/lab/enter.ts", "--images", "launchers", "--images", "registry", "--"];
/** A lab's files are looked through before it ends: the next one may replace them. */
const LAB = [...ENTER, "node", "test/secrets/scan.ts"];

/** End-to-end tests that run after the project `lab`: without them it would be done minutes before the others. */
const AFTER_LAB = ["apps", "private"].map((name) => `test/e2e/${name}.lab.ts`);
const LANES = [
  async (reports: string) => [
    await tests(["lab"], reports, LAB),
    await tests(["e2e"], reports, LAB, AFTER_LAB),
  ],
  async (reports: string) => [
    await tests(
      ["e2e"],
      reports,
      LAB,
      AFTER_LAB.flatMap((file) => ["--exclude", file]),
    ),
  ],
];

async function run(argv: readonly string[]): Promise<boolean> {
  console.error(`\n> ${argv.join(" ")}`);
  const [program, ...args] = argv as [string, ...string[]];
  // Their output is progress; this program's answer is its last line.
  const env = { ...process.env, WRANGLER_SEND_METRICS: "false" };
  const child = spawn(program, args, { cwd: ROOT, env, stdio: ["ignore", process.stderr, process.stderr] });
  const [code] = await once(child, "exit");
  return code === 0;
}

async function check(argv: readonly string[]): Promise<Outcome> {
  return (await run(argv)) ? { passed: 1, failures: [] } : { passed: 0, failures: [argv.join(" ")] };
}

/** `files`: which, or what to leave out. A run that fails without a failed test (a file that does not load, a lab that does not come up) counts as one failed. */
async function tests(
  projects: readonly string[],
  reports: string,
  prefix: readonly string[] = [],
  files: readonly string[] = [],
): Promise<Outcome> {
  const report = join(reports, `${randomUUID()}.json`);
  const chosen = projects.flatMap((project) => ["--project", project]);
  const ok = await run([...prefix, ...VITEST, `--outputFile.json=${report}`, ...chosen, ...files]);
  const { numPassedTests, testResults } = readReport(report);
  const failures = testResults.flatMap(({ name, message, assertionResults }) => {
    const failed = assertionResults.filter(({ status }) => status === "failed");
    const lines = failed.map((each) => failure(name, each.fullName, each.failureMessages.join("\n")));
    // A file that does not load has no tests.
    return lines.length === 0 && message !== "" ? [failure(name, "", message)] : lines;
  });
  return { passed: numPassedTests, failures: ok || failures.length > 0 ? failures : [`vitest ${projects}`] };
}

function failure(file: string, test: string, message: string): string {
  const words = message.split("\n").filter((line) => line.trim() !== "");
  return [`${relative(ROOT, file)}: ${test}`, ...words.slice(0, 16).map((line) => `  ${line}`)].join("\n");
}

function readReport(path: string): VitestReport {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as VitestReport;
  } catch {
    return { numPassedTests: 0, testResults: [] };
  }
}

const reports = mkdtempSync(join(ROOT, ".skein", "reports-"));
const outcomes: Outcome[] = [];
try {
  const isWhole = !process.argv.includes("--no-lab");
  // What labs need is installed and built meanwhile, by the first.
  const prepared = isWhole ? check([...ENTER, "true"]) : undefined;
  for (const argv of CHECKS) outcomes.push(await check(argv));
  outcomes.push(await tests(["unit", "workers"], reports));
  if (prepared) {
    outcomes.push(await prepared);
    // Side by side: each of them waits for half of its time.
    outcomes.push(...(await Promise.all(LANES.map((lane) => lane(reports)))).flat());
  }
} finally {
  rmSync(reports, { recursive: true });
}
const passed = outcomes.reduce((sum, each) => sum + each.passed, 0);
const failures = outcomes.flatMap((each) => each.failures);
for (const each of failures) console.error(`\nfailed: ${each}`);
process.exitCode = failures.length > 0 ? 1 : 0;
console.log(`${passed} passed, ${failures.length} failed`);
