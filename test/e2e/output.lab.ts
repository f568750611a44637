/** What people read of a container's output, when its author tries to take over their terminal. */
import { join } from "node:path";
import { expect, test } from "vitest";
import { capture } from "../lab/command.ts";
import { cluster, create, ended } from "./skein.ts";

const ROOT = join(import.meta.dirname, "../..");

async function skein(...args: string[]) {
  const { api } = await cluster();
  // Colours on, as on a terminal.
  const env = { ...process.env, SKEIN_API: api.url, SKEIN_TOKEN: api.token, FORCE_COLOR: "1" };
  return await capture([process.execPath, join(ROOT, "cli/main.ts"), ...args], { env });
}

/** All that acts on a terminal, but for line ends and our own colours. */
function acting(text: string): string[] {
  const plain = [31, 32, 33, 39].reduce((left, color) => left.replaceAll(`\x1b[${color}m`, ""), text);
  return [...plain.matchAll(/[\p{Cc}\p{Bidi_Control}]/gu)]
    .map(([char]) => char)
    .filter((char) => char !== "\n");
}

test("describe shows the output of all that ended, and escape sequences in it do nothing", async () => {
  const hostile = "printf '\\033]52;c;aGk=\\007\\033[2J\\302\\2332K\\342\\200\\256evil\\n'";
  const { id } = await create({
    image: "skein/debian:12",
    roles: [
      { name: "main", replicas: 1, command: ["sh", "-c", `${hostile}; sleep 2; echo bye`] },
      { name: "sub", replicas: 2, command: ["sh", "-c", `${hostile} >&2; echo done`] },
    ],
  });
  await ended(id);
  const { code, stdout } = await skein("describe", id);
  expect(code).toBe(0);
  const evil = "␛]52;c;aGk=␇␛[2J\\u{9b}2K\\u{202e}evil";
  for (const line of [`main1 | ${evil}`, "main1 | bye", `sub1  | ${evil}`, "sub2  | done"])
    expect(stdout).toContain(`\n${line}`);
  expect(acting(stdout)).toEqual([]);

  const json = await skein("describe", id, "--json");
  expect(acting(json.stdout)).toEqual([]);
  expect(JSON.parse(json.stdout).containers[0].output).toContain("\x1b]52;c;aGk=\x07\x1b[2J\x9b2K\u202eevil");
});

test("run shows the output of what failed, cleaned", async () => {
  const ran = await skein("run", "--image", "skein/no-such\x1b[2J");
  expect([ran.code, acting(ran.stdout + ran.stderr)]).toEqual([1, []]);
  const failed = await skein("run", "--image", "skein/debian:12", "--user", "evil\u202e\x9b");
  expect([failed.code, acting(failed.stdout + failed.stderr)]).toEqual([1, []]);
});
