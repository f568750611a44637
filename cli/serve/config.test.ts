import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { ROOT } from "../paths.ts";
import {
  ASSETS,
  ASSETS_BINDING,
  COMPATIBILITY_DATE,
  COMPATIBILITY_FLAGS,
  OBJECTS,
  workerdConfig,
} from "./config.ts";

const wrangler = readFileSync(join(ROOT, "wrangler.toml"), "utf8");

/** `[["FLEET", "Fleet"], …]` of wrangler.toml. */
function bindings(): string[][] {
  const tables = wrangler.split("[[durable_objects.bindings]]").slice(1);
  return tables.map((table) =>
    ["name", "class_name"].map((key) => new RegExp(`^${key} = "(.+)"`, "m").exec(table)![1]!),
  );
}

describe("on workerd and on Cloudflare", () => {
  test("the API runs with the same compatibility date and flags", () => {
    expect(/^compatibility_date = "(.+)"/m.exec(wrangler)?.[1]).toBe(COMPATIBILITY_DATE);
    expect(JSON.parse(/^compatibility_flags = (.+)/m.exec(wrangler)![1]!)).toEqual(COMPATIBILITY_FLAGS);
  });

  test("the API has the same objects under the same names", () => {
    const here = Object.entries(OBJECTS).map(([name, { className }]) => [name, className]);
    expect(bindings().sort()).toEqual(here.sort());
  });
});

test("the API has its static files under the same name", () => {
  expect(/^\[assets\][^[]*^binding = "(.+)"/m.exec(wrangler)?.[1]).toBe(ASSETS_BINDING);
  expect(workerdConfig()).toContain(`(name = "${ASSETS_BINDING}", service = "${ASSETS}")`);
});

test("the keys that name data on disk never change", () => {
  expect(workerdConfig().match(/uniqueKey = "[^"]+"/g)).toEqual([
    'uniqueKey = "skein-fleet"',
    'uniqueKey = "skein-session"',
    'uniqueKey = "skein-link"',
    'uniqueKey = "skein-tunnel"',
    'uniqueKey = "skein-limiter"',
    'uniqueKey = "skein-refusals"',
    'uniqueKey = "skein-feed"',
  ]);
});
