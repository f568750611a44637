/** Containers' output on our own streams: their bytes, and nothing of ours among them. */
import { afterEach, expect, test, vi } from "vitest";
import type { OutputLine } from "../sdk/index.ts";
import { LinePrinter } from "./line-printer.ts";

afterEach(() => vi.restoreAllMocks());

/** What comes on the two streams from here on, in order. */
function written(): string[] {
  const all: string[] = [];
  for (const name of ["stdout", "stderr"] as const) {
    vi.spyOn(process[name], "write").mockImplementation((bytes) => {
      all.push(`${name}: ${Buffer.from(bytes as Uint8Array)}`);
      return true;
    });
  }
  return all;
}

function line(host: string, stream: OutputLine["stream"], text: string, partial = false): OutputLine {
  return { host, stream, time: "2026-11-26T12:00:00Z", text, bytes: Buffer.from(text), partial };
}

test("one container's bytes pass as they are; a line in parts stays one line", async () => {
  const all = written();
  const printer = new LinePrinter(["main1"]);
  await printer.print(line("main1", "stdout", "a", true));
  await printer.print(line("main1", "stderr", "wrong"));
  await printer.print(line("main1", "stdout", "b"));
  printer.flush();
  expect(all).toEqual(["stdout: a", "stderr: wrong\n", "stdout: b\n"]);
});

test("lines of several containers begin with their host, and end", async () => {
  const all = written();
  const printer = new LinePrinter(["main1", "s1"]);
  await printer.print(line("s1", "stdout", "a", true));
  await printer.print(line("main1", "stdout", "b"));
  // Together, and soon.
  await expect.poll(() => all).toEqual(["stdout: s1    | a\nmain1 | b\n"]);
});

test("a reader of our output that is slow is waited for", async () => {
  const write = vi.spyOn(process.stdout, "write").mockReturnValue(false);
  const printer = new LinePrinter(["main1"]);
  let isTaken = false;
  const printed = printer.print(line("main1", "stdout", "x".repeat(100_000))).then(() => {
    isTaken = true;
  });
  await expect.poll(() => write.mock.calls.length).toBe(1);
  expect(isTaken).toBe(false);
  process.stdout.emit("drain");
  await printed;
});

test("our own words on stderr begin a new line where its output stands in the middle of one", async () => {
  const all = written();
  const printer = new LinePrinter(["main1"]);
  await printer.print(line("main1", "stdout", "a", true));
  printer.freshLine();
  expect(all).toEqual(["stdout: a"]);
  await printer.print(line("main1", "stderr", "b", true));
  printer.freshLine();
  printer.freshLine();
  expect(all.slice(1)).toEqual(["stderr: b", "stderr: \n"]);
});

test("where the output goes to stderr, its lines count, too", async () => {
  const all = written();
  const printer = new LinePrinter(["main1"], { output: "stderr" });
  await printer.print(line("main1", "stdout", "a", true));
  printer.freshLine();
  expect(all).toEqual(["stderr: a", "stderr: \n"]);
});
