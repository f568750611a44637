/**
 * Set-up of every test file: `vi.waitFor` and `vi.waitUntil` wait for at least as long as `expect.poll` does (vitest.config.ts), where vitest's
 * default is one second. A test may ask for more.
 */
import { vi } from "vitest";

const PATIENCE = 15_000;

interface Waiting {
  timeout?: number;
}

function patient<Options extends Waiting>(options: number | Options | undefined): Options | Waiting {
  const asked = typeof options === "number" ? { timeout: options } : options;
  return { ...asked, timeout: Math.max(PATIENCE, asked?.timeout ?? 0) };
}

const { waitFor, waitUntil } = vi;
vi.waitFor = (condition, options) => waitFor(condition, patient(options));
vi.waitUntil = (condition, options) => waitUntil(condition, patient(options));
