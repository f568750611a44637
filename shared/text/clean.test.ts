import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { clean, cleanBlock, cleanJson } from "./clean.ts";

/** What no terminal may get, spelled out, so that the code's own pattern is not its judge. */
function acts(char: string): boolean {
  const code = char.codePointAt(0)!;
  return (
    code < 0x20 ||
    (code >= 0x7f && code <= 0x9f) ||
    [0x061c, 0x200e, 0x200f, 0x2028, 0x2029].includes(code) ||
    (code >= 0x202a && code <= 0x202e) ||
    (code >= 0x2066 && code <= 0x2069)
  );
}

/** Text in which every second character is one of those, or near them. */
const hostile = fc
  .array(
    fc.oneof(
      fc.string({ unit: "binary" }),
      fc.integer({ min: 0, max: 0xa0 }).map((code) => String.fromCodePoint(code)),
      fc.integer({ min: 0x2000, max: 0x2070 }).map((code) => String.fromCodePoint(code)),
      fc.constantFrom("\x1b[2J", "\x1b]52;c;aGk=\x07", "\x9b31m", "\u061c", "\r\n", "main1"),
    ),
  )
  .map((parts) => parts.join(""));

describe("cleaned text", () => {
  test("has nothing that a terminal acts on", () => {
    fc.assert(
      fc.property(hostile, (text) => {
        expect([...clean(text)].filter(acts)).toEqual([]);
      }),
    );
  });

  test("of a block has nothing of that but line ends and tabs", () => {
    fc.assert(
      fc.property(hostile, (text) => {
        const left = [...cleanBlock(text)].filter(acts);
        expect(left.filter((char) => char !== "\n" && char !== "\t")).toEqual([]);
      }),
    );
  });

  test("is the text itself where nothing in it acts", () => {
    fc.assert(
      fc.property(hostile, (text) => {
        const plain = [...text].filter((char) => !acts(char)).join("");
        expect([clean(plain), cleanBlock(plain)]).toEqual([plain, plain]);
      }),
    );
  });

  test.each([
    ["an escape sequence", "\x1b[31mred\x07", "␛[31mred␇"],
    ["a C1 control", "\x9b31m", "\\u{9b}31m"],
    ["a bidirectional override", "gpj.\u202eexe", "gpj.\\u{202e}exe"],
    ["a line end", "one\ntwo\u2028three", "one␊two\\u{2028}three"],
    ["DEL", "\x7f", "␡"],
  ])("shows %s", (_what, text, shown) => {
    expect(clean(text)).toBe(shown);
  });

  test("of a block keeps its lines, also those of Windows", () => {
    expect(cleanBlock("a\tb\r\nc\rd\n")).toBe("a\tb\nc␍d\n");
  });
});

test("cleaned JSON means the same, and has nothing that a terminal acts on", () => {
  fc.assert(
    fc.property(fc.jsonValue(), hostile, (value, text) => {
      const json = cleanJson(JSON.stringify({ value, [text]: text }));
      expect(JSON.parse(json)).toEqual(JSON.parse(JSON.stringify({ value, [text]: text })));
      expect([...json].filter(acts)).toEqual([]);
    }),
  );
});
