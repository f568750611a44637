import { expect, test } from "vitest";
import { payloads, Tail } from "./stream-frames.ts";

function frame(stream: number, text: string): Buffer {
  const head = Buffer.alloc(8);
  head[0] = stream;
  head.writeUInt32BE(Buffer.byteLength(text), 4);
  return Buffer.concat([head, Buffer.from(text)]);
}

test("frames are whole and in order, wherever the input was cut", async () => {
  const bytes = Buffer.concat([frame(1, "out "), frame(2, "err "), frame(1, ""), frame(1, "end")]);
  for (let size = 1; size <= bytes.length; size++) {
    const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
      bytes.subarray(i * size, (i + 1) * size),
    );
    let text = "";
    for await (const payload of payloads(chunks)) text += payload;
    expect(text).toBe("out err end");
  }
});

test("a tail keeps the last bytes, without half a character", () => {
  const tail = new Tail(4);
  for (let i = 0; i < 50_000; i++) tail.add(Buffer.from("line\n"));
  expect(tail.text()).toBe("ine\n");
  const euros = new Tail(4);
  euros.add(Buffer.from("€€"));
  expect(euros.text()).toBe("€");
});
