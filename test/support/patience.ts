/** Set-up of every test file: `vi.waitFor` waits as long as `expect.poll` does (vitest.config.ts). Vitest has no setting for it. */
import { vi } from "vitest";

const { waitFor } = vi;
vi.waitFor = (condition, options) =>
  waitFor(condition, typeof options === "number" ? options : { timeout: 15_000, ...options });
