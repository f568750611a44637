import { expect, test } from "vitest";
import { type Block, blocksOf } from "./server-sent-events.ts";

async function read(text: string, size: number): Promise<Block[]> {
  const bytes = new TextEncoder().encode(text);
  async function* chunks() {
    for (let at = 0; at < bytes.length; at += size) yield bytes.slice(at, at + size);
  }
  const blocks: Block[] = [];
  for await (const block of blocksOf(chunks())) blocks.push(block);
  return blocks;
}

const TEXT = [
  ": a comment",
  "",
  "id: 1",
  "event: session",
  'data: {"a":"ü: 💥"}',
  "",
  "id:2",
  "",
  "data",
  "data:  two",
  "unknown: field",
  "retry: 5",
  "",
  "data: not finished",
];

test.each(["\n", "\r\n", "\r"])("lines may end with %j, and chunks anywhere", async (end) => {
  for (const size of [1, 2, 3, 7, 1000]) {
    expect(await read(TEXT.join(end), size), `${size}`).toEqual([
      { id: "1", event: "session", data: '{"a":"ü: 💥"}' },
      { id: "2", event: "message", data: "" },
      { id: undefined, event: "message", data: "\n two" },
    ]);
  }
});

test("a line without end is not kept for ever", async () => {
  await expect(read(`data: ${"x".repeat(2 ** 21)}`, 65_536)).rejects.toThrow("does not end");
});
