import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { CliError } from "./cli-error.ts";
import { readRequestFile } from "./request-file.ts";

const directory = mkdtempSync(join(tmpdir(), "skein-request-"));
const path = join(directory, "cluster.yaml");
afterAll(() => rmSync(directory, { recursive: true }));

function read(text: string): unknown {
  writeFileSync(path, text);
  return readRequestFile(path);
}

test("YAML and JSON give the same request", () => {
  const yaml = `
# A trainer and its workers.
image: debian:12
roles:
  - name: main
    replicas: 1
  - {name: worker, replicas: 2, command: [python, train.py]}
env: &env
  NCCL_DEBUG: "1"
resources: {cpu: 0.5, memory: 1GiB}
`;
  const request = {
    image: "debian:12",
    roles: [
      { name: "main", replicas: 1 },
      { name: "worker", replicas: 2, command: ["python", "train.py"] },
    ],
    env: { NCCL_DEBUG: "1" },
    resources: { cpu: 0.5, memory: "1GiB" },
  };
  expect(read(yaml)).toEqual(request);
  expect(read(JSON.stringify(request, null, 2))).toEqual(request);
});

test("yes, no and on are words, as in YAML 1.2", () => {
  expect(read("env: {ON: on, NO: no}")).toEqual({ env: { ON: "on", NO: "no" } });
});

test.each([
  ["image: a\n  size: 1", "line 1, column"],
  ["image: a\nimage: b", "Map keys must be unique at line 2"],
  ["image: !secret a", "Unresolved tag: !secret"],
  ["{image: a", "is not YAML or JSON"],
  ["image: a\n---\nimage: b", "multiple documents"],
  ["- image: a", "must hold one object"],
  ["", "must hold one object"],
])("%j is refused, with the reason", (text, reason) => {
  expect(() => read(text)).toThrow(CliError);
  expect(() => read(text)).toThrow(path);
  expect(() => read(text)).toThrow(reason);
});

test("aliases of aliases do not unfold to gigabytes", () => {
  const lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"];
  for (let n = 1; n <= 8; n++)
    lines.push(
      `a${n}: &a${n} [${Array(10)
        .fill(`*a${n - 1}`)
        .join(", ")}]`,
    );
  expect(() => read(lines.join("\n"))).toThrow("Excessive alias count");
});

test("a file that is not there is named", () => {
  expect(() => readRequestFile(join(directory, "missing"))).toThrow(
    `cannot read ${join(directory, "missing")}`,
  );
});
