/** Makes an OpenAPI document that linters, validators and generators of other languages understand alike. */

interface Field {
  default?: unknown;
  description?: string;
}

/**
 * The same document with patterns that mean the same with and without JavaScript's `u` flag, and fields of schemas without `default`. Some
 * generators count a field with a default as always there, in requests, too: so its description says what the default is.
 */
export function portable<T>(document: T): T {
  const text = JSON.stringify(document, (key, value: unknown) => {
    if (key === "pattern" && typeof value === "string") return portablePattern(value);
    if (key === "properties" && isObject(value)) return withoutDefaults(value);
    return value;
  });
  return JSON.parse(text) as T;
}

/** The document's generator writes a RegExp with flags as `…/u`. JSON Schema cannot ignore case: such a pattern is left out. */
function portablePattern(pattern: string): string | undefined {
  const [, source = pattern, flags = ""] = /^(.*)\/([a-z]+)$/s.exec(pattern) ?? [];
  if (flags !== "" && flags !== "u") return undefined;
  // Lone surrogates cannot be written without the flag. UTF-8 has none, so the pattern says enough without them.
  return source.replaceAll("\\p{Cs}", "").replaceAll("\\p{Cc}", "\\u0000-\\u001f\\u007f-\\u009f");
}

function withoutDefaults(properties: Record<string, unknown>): Record<string, unknown> {
  const entries = Object.entries(properties).map(([name, field]) => {
    if (!isObject(field) || !("default" in field)) return [name, field];
    const { default: value, description = "", ...rest } = field as Field;
    const known = typeof value === "object" || description.endsWith("unless given");
    return [name, { ...rest, description: known ? description : `${description}. ${value} unless given` }];
  });
  return Object.fromEntries(entries);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
