/** The OpenAPI document serves other people's tools: linters with their recommended rules, and a generator of types with its default settings. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createConfig, lintFromString } from "@redocly/openapi-core";
import spectralCore from "@stoplight/spectral-core";
import { oas } from "@stoplight/spectral-rulesets";
import openapiTypeScript, { astToString } from "openapi-typescript";
import { expect, test } from "vitest";

const ROOT = join(import.meta.dirname, "..");
const source = readFileSync(join(ROOT, "sdk/openapi.json"), "utf8");

/** As spectral numbers it. */
const SPECTRAL_ERROR = 0;

test("redocly's recommended rules find no error", async () => {
  const config = await createConfig({ extends: ["recommended"] });
  const found = await lintFromString({ source, config, absoluteRef: "openapi.json" });
  const of = (severity: string) => found.filter((each) => each.severity === severity);
  expect(of("error").map(({ ruleId, message }) => `${ruleId}: ${message}`)).toEqual([]);
  // A WebSocket answers 101, which is neither; what needs no token refuses nobody.
  expect(new Set(of("warn").map(({ ruleId }) => ruleId))).toEqual(
    new Set(["operation-2xx-response", "operation-4xx-response"]),
  );
});

test("spectral's recommended rules find no error", async () => {
  const spectral = new spectralCore.Spectral();
  // Their types want `extends` in every ruleset, and their own has none.
  spectral.setRuleset({ extends: [oas as never] });
  const found = await spectral.run(source);
  const errors = found.filter(({ severity }) => severity === SPECTRAL_ERROR);
  expect(errors.map(({ code, path, message }) => `${code} at ${path.join(".")}: ${message}`)).toEqual([]);
  // Nobody is named as its contact; a WebSocket answers 101.
  const warnings = new Set(found.map(({ code }) => code));
  expect(warnings).toEqual(new Set(["info-contact", "operation-success-response"]));
});

const USE = `import type { paths } from "./api.ts";
type Request = paths["/v1/sessions"]["post"]["requestBody"]["content"]["application/json"];
type Session = paths["/v1/sessions/{id}"]["get"]["responses"]["200"]["content"]["application/json"];
export const least: Request = { image: "debian:12", network: { egress: false }, placement: {} };
export const hosts = ({ containers }: Session): string[] => containers.map(({ host }) => host);
// @ts-expect-error: not a mode
export const wrong: Request = { clusterMode: "three-nodes" };
`;

test("openapi-typescript's default settings give types that check, and let a request leave out what has a default", async () => {
  const directory = mkdtempSync(join(tmpdir(), "skein-types-"));
  try {
    writeFileSync(join(directory, "api.ts"), astToString(await openapiTypeScript(source)));
    writeFileSync(join(directory, "use.ts"), USE);
    const options = ["--noEmit", "--strict", "--allowImportingTsExtensions", "--module", "nodenext"];
    const argv = [...options, "--types", "", "--ignoreConfig", join(directory, "use.ts")];
    execFileSync(join(ROOT, "node_modules/.bin/tsc"), argv, { encoding: "utf8" });
  } finally {
    rmSync(directory, { recursive: true });
  }
});
