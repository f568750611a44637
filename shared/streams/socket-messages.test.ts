import fc from "fast-check";
import { expect, test } from "vitest";
import {
  closeIn,
  closeMessage,
  encodeMessage,
  KIND,
  type Kind,
  MESSAGE_BYTES,
  MessageReader,
} from "./socket-messages.ts";

const kind = fc.constantFrom<Kind>(...Object.values(KIND));
const messages = fc.array(fc.record({ kind, payload: fc.uint8Array({ maxLength: 300 }) }), { maxLength: 10 });

test("messages come out as they went in, however their bytes are cut", () => {
  fc.assert(
    fc.property(messages, fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1 }), (all, cuts) => {
      const bytes = all.flatMap((each) => [...encodeMessage(each.kind, each.payload)]);
      const reader = new MessageReader();
      const read = [];
      for (let at = 0, cut = 0; at < bytes.length; cut++) {
        const size = cuts[cut % cuts.length]!;
        read.push(...reader.read(Uint8Array.from(bytes.slice(at, at + size))));
        at += size;
      }
      const plain = (each: { kind: Kind; payload: Uint8Array }) => [each.kind, [...each.payload]];
      expect(read.map(plain)).toEqual(all.map(plain));
    }),
  );
});

test("what is no message, or is too long, takes no memory", () => {
  expect(() => [...new MessageReader().read(new Uint8Array([3, 0, 0, 0, 1]))]).toThrow("no message");
  const long = new Uint8Array(5);
  new DataView(long.buffer).setUint32(1, MESSAGE_BYTES + 1);
  long[0] = KIND.binary;
  expect(() => [...new MessageReader().read(long)]).toThrow("at most");
});

test("a close keeps its code and reason; one that says there was no code has none", () => {
  const reason = Uint8Array.from([98, 121, 101]);
  const read = (code: number) =>
    closeIn([...new MessageReader().read(closeMessage({ code, reason }))][0]!.payload);
  expect(read(4001)).toEqual({ code: 4001, reason });
  expect([1004, 1005, 1006, 1015].map(read)).toEqual([undefined, undefined, undefined, undefined]);
});
