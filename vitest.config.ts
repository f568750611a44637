import { availableParallelism } from "node:os";
import { cloudflareTest } from "@cloudflare/vitest-plugin";
import { defineConfig } from "vitest/config";

/** For tests on real Docker hosts: one lab at a time in one set of namespaces, which `test/lab/enter.ts` makes. */
const onLab = {
  fileParallelism: false,
  testTimeout: 120_000,
  hookTimeout: 180_000,
  expect: { poll: { timeout: 60_000 } },
  setupFiles: ["test/support/patience.ts"],
};

/** Conditions come within milliseconds, and within seconds on a busy machine. Only a test that fails waits for so long. */
const PATIENCE = {
  testTimeout: 60_000,
  hookTimeout: 60_000,
  expect: { poll: { timeout: 15_000 } },
  setupFiles: ["test/support/patience.ts"],
};

/**
 * Five projects: `unit` in Node, `workers` inside workerd (Durable Objects), `lab` for one part each on Docker hosts of its own, `examples`
 * for those with large images, and `e2e` for all of Skein on one cluster that its files share (one process, so no isolation between them).
 */
export default defineConfig({
  test: {
    // A failed test shows all of the text that it looked at.
    chaiConfig: { truncateThreshold: 0 },
    // More than cores: files wait for half of their time.
    maxWorkers: 2 * availableParallelism(),
    projects: [
      {
        test: {
          name: "unit",
          include: ["{shared,agent,cli,sdk,bench,test}/**/*.test.ts"],
          // Files of a worker share their modules: a third less CPU.
          isolate: false,
          ...PATIENCE,
        },
      },
      {
        plugins: [
          cloudflareTest({
            wrangler: { configPath: "./wrangler.toml" },
            miniflare: {
              bindings: {
                SKEIN_ADMIN_TOKEN: "admin-token-of-the-tests",
                SKEIN_SECRETS_KEY: "the key for secrets of the tests, 43 characters",
              },
            },
          }),
        ],
        test: { ...PATIENCE, name: "workers", include: ["api/**/*.test.ts"] },
      },
      { test: { ...onLab, name: "lab", include: ["test/*.lab.ts"] } },
      { test: { ...onLab, name: "examples", include: ["test/examples/*.lab.ts"] } },
      { test: { ...onLab, name: "e2e", include: ["test/e2e/*.lab.ts"], isolate: false } },
    ],
  },
});
