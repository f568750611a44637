/** A request from a file: YAML 1.2, of which JSON is a part. */
import { readFileSync } from "node:fs";
import { parseDocument } from "yaml";
import type { SessionRequest } from "../sdk/index.ts";
import { CliError } from "./cli-error.ts";

/** `-` is stdin. @throws CliError that names the file, and for YAML the line and column. */
export function readRequestFile(path: string): SessionRequest {
  const document = parseDocument(textOf(path), { stringKeys: true });
  // A warning, such as an unknown tag, is a mistake here too.
  const [problem] = [...document.errors, ...document.warnings];
  if (problem) throw new CliError(`${path} is not YAML or JSON: ${problem.message}`);
  const request: unknown = toJs(path, document);
  if (isObject(request)) return request as SessionRequest;
  throw new CliError(`${path} is not a request: it must hold one object`);
}

function textOf(path: string): string {
  try {
    return readFileSync(path === "-" ? 0 : path, "utf8");
  } catch (error) {
    throw new CliError(`cannot read ${path}: ${(error as Error).message}`);
  }
}

/** Aliases that would unfold to very much are refused here. */
function toJs(path: string, document: ReturnType<typeof parseDocument>): unknown {
  try {
    return document.toJS();
  } catch (error) {
    throw new CliError(`${path} cannot be used: ${(error as Error).message}`);
  }
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
