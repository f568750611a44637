import { readFileSync } from "node:fs";
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  Consumed,
  Credit,
  costOf,
  FRAME_COST,
  LARGE_STREAMS,
  SMALL_WINDOW,
  STREAM_WINDOW,
  TUNNEL_BYTES,
  TUNNEL_STREAMS,
} from "./credit.ts";
import { STREAM_ENDS } from "./ends.ts";
import { CHANNEL, decodeFrame, encodeFrame, FRAME_BYTES } from "./frames.ts";
import { encodeRecords, type LogRecord, RECORD_BYTES, RecordReader } from "./log-records.ts";
import { SIGNALS } from "./stream-messages.ts";

const bytes = fc.uint8Array({ maxLength: 300 });
const channel = fc.constantFrom(...Object.values(CHANNEL));

test("a frame is read as it was written, wherever it lies in its buffer", () => {
  fc.assert(
    fc.property(fc.nat(0xffffffff), channel, bytes, fc.nat(9), (stream, on, payload, offset) => {
      const frame = encodeFrame(stream, on, payload);
      const larger = new Uint8Array(frame.length + offset + 3);
      larger.set(frame, offset);
      const read = decodeFrame(larger.subarray(offset, offset + frame.length));
      expect(read).toEqual({ stream, channel: on, payload, unnumbered: frame.subarray(4) });
    }),
  );
});

test("what is too short, too long or on no channel is no frame", () => {
  expect(decodeFrame(new Uint8Array(4))).toBeUndefined();
  expect(decodeFrame(new Uint8Array([0, 0, 0, 1, 4]))).toBeUndefined();
  const full = encodeFrame(1, CHANNEL.input, new Uint8Array(FRAME_BYTES));
  expect(decodeFrame(full)?.payload.length).toBe(FRAME_BYTES);
  expect(decodeFrame(encodeFrame(1, CHANNEL.input, new Uint8Array(FRAME_BYTES + 1)))).toBeUndefined();
});

test("no more than a window is under way, and all arrives, however sender and receiver take turns", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 2 * FRAME_COST, max: 4096 }),
      fc.array(fc.nat(5000), { maxLength: 50 }),
      (window, turns) => {
        const [sender, consumed] = [new Credit(window), new Consumed(window)];
        for (const turn of turns) {
          const size = Math.min(turn, sender.room);
          expect(sender.spend(sender.room + 1)).toBe(false);
          expect(sender.spend(size)).toBe(true);
          const due = consumed.add(costOf(size));
          expect(sender.grant(window + 1)).toBe(false);
          if (due > 0) expect(sender.grant(due)).toBe(true);
          // A receiver that has consumed everything never leaves its sender without credit.
          expect(sender.room).toBeGreaterThan(0);
        }
      },
    ),
  );
});

test("a window of empty frames is a bounded number of them", () => {
  const credit = new Credit(STREAM_WINDOW);
  let frames = 0;
  while (credit.spend(0)) frames++;
  expect(frames).toBe(STREAM_WINDOW / FRAME_COST);
});

test("the windows of all streams of a tunnel fit its bound", () => {
  const most = LARGE_STREAMS * STREAM_WINDOW + (TUNNEL_STREAMS - LARGE_STREAMS) * SMALL_WINDOW;
  expect(most).toBeLessThanOrEqual(TUNNEL_BYTES);
});

test("log records are put together from pieces of any size", () => {
  const record: fc.Arbitrary<LogRecord> = fc.record({
    place: fc.nat(1023),
    stream: fc.constantFrom("stdout", "stderr", "notice"),
    time: fc.bigInt({ min: 0n, max: 2n ** 63n }),
    partial: fc.boolean(),
    bytes,
  });
  fc.assert(
    fc.property(fc.array(record, { maxLength: 20 }), fc.integer({ min: 1, max: 50 }), (records, piece) => {
      const all = encodeRecords(records);
      const reader = new RecordReader();
      const read: LogRecord[] = [];
      for (let at = 0; at < all.length; at += piece)
        for (const each of reader.take(all.subarray(at, at + piece)))
          read.push({ ...each, bytes: each.bytes.slice() });
      expect(read.map((each) => ({ ...each, bytes: [...each.bytes] }))).toEqual(
        records.map((each) => ({ ...each, bytes: [...each.bytes] })),
      );
    }),
  );
});

test("a record that claims to be huge is refused, instead of waited for", () => {
  const head = encodeRecords([
    { place: 0, stream: "stdout", time: 1n, partial: false, bytes: new Uint8Array(RECORD_BYTES + 1) },
  ]).subarray(0, 100);
  expect(() => [...new RecordReader().take(head)]).toThrow(/record/);
});

test("docs/streams.md has each way in which a stream ends, and each signal", () => {
  const page = readFileSync(new URL("../../docs/streams.md", import.meta.url), "utf8");
  const rows = [...page.matchAll(/^\| `(\w+)` \| (.+) \|$/gm)].map(([, code, why]) => [code, why]);
  expect(rows).toEqual(Object.entries(STREAM_ENDS));
  for (const name of SIGNALS) expect(page).toMatch(new RegExp(`\\b${name}\\b`));
});
