import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { shortenAnswers } from "./answer-delay.ts";

/** 0.005 and 0.0001 as doubles, in hex, little endian. */
const FIVE = "7b14ae47e17a743f";
const SHORT = "2d431cebe2361a3f";

let dir: string;
let file: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "skein-answers-"));
  file = join(dir, "server");
});
afterEach(() => rm(dir, { recursive: true }));

test("the one constant is replaced, and nothing else", async () => {
  await writeFile(file, Buffer.from(`c0ffee${FIVE}decade`, "hex"));
  expect(await shortenAnswers(file)).toBe(true);
  expect((await readFile(file)).toString("hex")).toBe(`c0ffee${SHORT}decade`);
});

test.each([
  ["without the constant", "c0ffee"],
  ["with two of them", `${FIVE}${FIVE}`],
])("a program %s stays as it is", async (_, hex) => {
  await writeFile(file, Buffer.from(hex, "hex"));
  expect(await shortenAnswers(file)).toBe(false);
  expect((await readFile(file)).toString("hex")).toBe(hex);
});
