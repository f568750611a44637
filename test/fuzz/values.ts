/** Values for requests: made from the document's schemas, absurd ones, and valid ones with one thing wrong. */
import fc from "fast-check";
import { PATHS, type Schema, schemaOf } from "./document.ts";

/** Values that often break decoders and validators. */
const ODD = [
  ...["", "\0", "\ud800", "😀".repeat(50), "../../etc/passwd", "__proto__", "constructor", "toString", "%00"],
  ...["-1", "1e309", "NaN", "null", "'; DROP TABLE nodes; --", "a".repeat(5000), "ses_", "\u202e", "ﷺ"],
  ...[-1, 0, 0.5, 1e308, -1e308, 2 ** 53, 2 ** 31, Number.MIN_VALUE, null, true, [], {}, [[]], [null]],
];

export const absurd: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom<unknown>(...ODD),
  fc.jsonValue({ maxDepth: 4 }),
  fc.string({ unit: "binary", maxLength: 40 }),
  fc.nat(400).map((depth) => {
    let value: unknown = 1;
    for (let i = 0; i < depth; i++) value = i % 2 ? [value] : { a: value };
    return value;
  }),
);

/** Odd texts for a path's segment, a query's value or a header. */
export const oddText: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom(...ODD.map(String)),
  fc.string({ unit: "binary", maxLength: 300 }),
);

function texts(schema: Schema): fc.Arbitrary<string> {
  const example = fc.constant(String(schema.example ?? "x"));
  if (!schema.pattern || schema.pattern.includes("(?!")) {
    return fc.oneof(
      example,
      example,
      example,
      fc.string({ minLength: schema.minLength ?? 0, maxLength: 20 }),
    );
  }
  return fc.oneof(example, fc.stringMatching(new RegExp(schema.pattern)));
}

/** A value that fits a schema, as far as the schema can express it. */
export function valid(given: Schema): fc.Arbitrary<unknown> {
  const schema = schemaOf(given);
  if (schema.enum) return fc.constantFrom(...schema.enum);
  const union = schema.anyOf ?? schema.oneOf ?? schema.allOf;
  if (union) return fc.oneof(...union.map(valid));
  const { minimum = 0, maximum = 1000 } = schema;
  switch (schema.type) {
    case "boolean":
      return fc.boolean();
    case "integer":
      return fc.oneof(
        fc.integer({ min: minimum, max: Math.min(maximum, minimum + 4) }),
        fc.constant(maximum),
      );
    case "number":
      return fc.double({ min: minimum, max: maximum, noNaN: true });
    case "array":
      return fc.array(valid(schema.items ?? {}), { minLength: schema.minItems ?? 0, maxLength: 3 });
    case "object":
      return schema.properties
        ? fc.record(
            Object.fromEntries(Object.entries(schema.properties).map(([key, each]) => [key, valid(each)])),
            {
              requiredKeys: schema.required ?? [],
            },
          )
        : fc.dictionary(fc.stringMatching(/^[A-Za-z]{1,8}$/), valid(schema.additionalProperties || {}), {
            maxKeys: 3,
          });
    default:
      return texts(schema);
  }
}

/** A value with one field, at any depth, replaced, left out, or renamed to an unknown name. */
export function spoiled(value: unknown): fc.Arbitrary<unknown> {
  if (typeof value !== "object" || value === null || Object.keys(value).length === 0) return absurd;
  const entries = Object.entries(value);
  const rebuilt = (all: [string, unknown][]) =>
    Array.isArray(value) ? all.map(([, each]) => each) : Object.fromEntries(all);
  return fc.oneof(
    fc
      .tuple(fc.nat(entries.length - 1), fc.boolean())
      .chain(([at, deep]) =>
        (deep ? spoiled(entries[at]![1]) : absurd).map((other) =>
          rebuilt(entries.map((entry, i) => (i === at ? [entry[0], other] : entry))),
        ),
      ),
    fc.nat(entries.length - 1).map((at) => rebuilt(entries.filter((_, i) => i !== at))),
    fc.tuple(oddText, absurd).map((entry) => rebuilt([...entries, entry])),
  );
}

/** Bodies as the text that is sent. */
export function bodies(schema: Schema, example: unknown): fc.Arbitrary<string> {
  // Also without a name, because a name must be unique.
  const { name: _, ...nameless } = example as { name?: string };
  // Only a few optional fields at once: all together they contradict each other.
  const varied = valid(schema).chain((value) =>
    fc
      .shuffledSubarray(Object.entries(value as object))
      .map((some) => ({ ...nameless, ...Object.fromEntries(some.slice(0, 3)) })),
  );
  const good = fc.oneof(fc.constant(example), fc.constant(nameless), varied, valid(schema));
  const text = (value: unknown) => JSON.stringify(value) ?? "";
  return fc.oneof(
    { weight: 3, arbitrary: good.map(text) },
    { weight: 5, arbitrary: good.chain(spoiled).map(text) },
    { weight: 2, arbitrary: absurd.map(text) },
    { weight: 1, arbitrary: good.chain((value) => fc.nat(60).map((cut) => text(value).slice(0, cut))) },
    { weight: 1, arbitrary: good.map((value) => text(value).replace("{", '{"__proto__":{"image":"a"},')) },
    { weight: 1, arbitrary: fc.constantFrom("[".repeat(20_000), "\ufeff{}", "nul", `"${"a".repeat(9999)}"`) },
  );
}

export const OPERATIONS = Object.entries(PATHS).flatMap(([path, item]) =>
  Object.entries(item).map(([method, operation]) => ({ path, method: method.toUpperCase(), ...operation })),
);
