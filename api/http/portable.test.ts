import { describe, expect, test } from "vitest";
import { portable } from "./portable.ts";

describe("a portable document", () => {
  test("has patterns that mean the same with and without the flag u", () => {
    const { pattern } = portable({ pattern: "^[^\\0\\p{Cs}\\p{Cc}/]+$/u" });
    expect(pattern).toBe("^[^\\0\\u0000-\\u001f\\u007f-\\u009f/]+$");
    for (const flags of ["", "u"]) {
      const made = new RegExp(pattern, flags);
      expect(["a ü 💥", "a\nb", "a\u0085b", "a/b", ""].map((text) => made.test(text))).toEqual([
        true,
        false,
        false,
        false,
        false,
      ]);
    }
  });

  test("leaves out a pattern that ignores case, since JSON Schema cannot", () => {
    expect(portable({ type: "string", pattern: "^a$/i" })).toEqual({ type: "string" });
  });

  test("says a field's default in words, once, and no value that is an object", () => {
    const properties = {
      mode: { default: "spread", description: "How" },
      only: { default: true, description: "Read-only. true unless given" },
      labels: { default: {}, description: "Labels" },
    };
    expect(portable({ properties })).toEqual({
      properties: {
        mode: { description: "How. spread unless given" },
        only: { description: "Read-only. true unless given" },
        labels: { description: "Labels" },
      },
    });
  });

  test("keeps a property of the name default, and the default of a parameter", () => {
    const document = { schema: { default: 50 }, properties: { default: { type: "string" } } };
    expect(portable(document)).toEqual(document);
  });
});
