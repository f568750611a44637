import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { expect, onTestFinished, test } from "vitest";
import { collect, LocalFiles } from "./output-fixtures.ts";
import { Outputs } from "./outputs.ts";

/** An engine with one container, `c1`. By its API it prints "by the API". */
function engine({ isRunning = false } = {}) {
  const root = mkdtempSync(join(tmpdir(), "skein-outputs-"));
  onTestFinished(() => rmSync(root, { recursive: true }));
  const outputs = new Outputs({
    root: async () => root,
    isRunning: async () => isRunning,
    async follow() {
      const payload = Buffer.from("2026-11-26T12:00:00.000000001Z by the API\n");
      const head = Buffer.alloc(8);
      head[0] = 1;
      head.writeUInt32BE(payload.length, 4);
      return Readable.from([Buffer.concat([head, payload])]);
    },
  });
  const dir = join(root, "containers", "c1", "local-logs");
  const read = () => {
    const options = { after: undefined, ended: AbortSignal.abort(), signal: new AbortController().signal };
    return collect(outputs.read("c1", options));
  };
  return { dir, read };
}

const text = (lines: string[]) => lines.map((line) => line.split(" ").slice(2).join(" "));

test("the engine's files are read where they are", async () => {
  const { dir, read } = engine();
  mkdirSync(dir, { recursive: true });
  new LocalFiles(dir).write({ time: 1n, line: "from the file" });
  const { lines, done } = read();
  await done;
  expect(text(lines)).toEqual(["from the file"]);
});

test("without them, on another machine or without the right, the API is asked", async () => {
  const { lines, done } = engine().read();
  await done;
  expect(text(lines)).toEqual(["by the API"]);
});

test("files of another format are an error once; from then on the API is asked", async () => {
  const { dir, read } = engine();
  mkdirSync(dir, { recursive: true });
  writeFileSync(join(dir, "container.log"), "x".repeat(100));
  await expect(read().done).rejects.toThrow(/local-logs: an entry of \d+ bytes/);
  const { lines, done } = read();
  await done;
  expect(text(lines)).toEqual(["by the API"]);
});

test("an engine that stops ends its answer properly: that is not the container's end", async () => {
  await expect(engine({ isRunning: true }).read().done).rejects.toThrow(/of a running container/);
});
