import { expect, test, vi } from "vitest";
import { HostCommandError } from "../host/runner.ts";
import { findGpus } from "./gpus.ts";

const nvidia = { runtimes: ["nvidia", "runc"] };

/** What nvidia-smi printed on a machine with one H200. */
const H200 = "GPU-53864ee9-bc3f-9c99-dadd-a0748d3c2bbb\n";

function found(answer: () => string, engine = nvidia) {
  const warn = vi.fn<(about: { reason: string }) => void>();
  const runner = { run: async () => answer() };
  return { warn, gpus: findGpus(runner, engine, { warn } as unknown as Parameters<typeof findGpus>[2]) };
}

test("each GPU by its UUID", async () => {
  const { gpus, warn } = found(() => `${H200}GPU-00000000-0000-0000-0000-000000000001\n`);
  expect(await gpus).toEqual([H200.trim(), "GPU-00000000-0000-0000-0000-000000000001"]);
  expect(warn).not.toHaveBeenCalled();
});

test("an engine without NVIDIA's runtime is not asked about", async () => {
  const { gpus, warn } = found(
    () => {
      throw new Error("asked");
    },
    { runtimes: ["runc"] },
  );
  expect(await gpus).toEqual([]);
  expect(warn).not.toHaveBeenCalled();
});

test.each([
  ["a tool that fails", "Failed to initialize NVML"],
  ["a tool that is missing", "ENOENT"],
])("%s leaves the node without GPUs, and says why", async (_, reason) => {
  const { gpus, warn } = found(() => {
    throw new HostCommandError(["nvidia-smi"], reason, null);
  });
  expect(await gpus).toEqual([]);
  expect(warn.mock.calls[0]![0].reason).toContain(reason);
});

test.each(["No devices were found\n", ""])("an answer that names none (%j) is no GPU", async (answer) => {
  const { gpus, warn } = found(() => answer);
  expect(await gpus).toEqual([]);
  expect(warn).toHaveBeenCalledOnce();
});
