/** A shell in a container, on a terminal: as if one sat there. */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { type OnTerminal, onTerminal } from "../../cli/testing/terminal.ts";
import type { SessionView } from "../../shared/session/session-schemas.ts";
import { cluster, end, running, sh } from "./skein.ts";

const LAUNCHER = join(import.meta.dirname, "../../skein");
const LEFT = "\x1b[D";
const HOME = "\x01";
const BACKSPACE = "\x7f";
const CTRL_C = "\x03";
const CTRL_D = "\x04";

let session: SessionView;
let shell: OnTerminal;

beforeAll(async () => {
  session = await running({ image: "skein/debian:12" });
  const { api } = await cluster();
  const env = { ...process.env, SKEIN_API: api.url, SKEIN_TOKEN: api.token };
  shell = onTerminal([LAUNCHER, "shell", session.id], env, { columns: 100, rows: 30 });
  await prompt();
});

afterAll(() => end(session));

/** Where what was typed last is answered. */
async function shows(line: string): Promise<void> {
  await expect.poll(() => shell.screen.lines.slice(-40), { timeout: 20_000 }).toContain(line);
}

async function prompt(): Promise<void> {
  await vi.waitFor(() => expect(shell.screen.lines.at(-1)).toMatch(/[#$] $/), 20_000);
}

test("what is typed can be edited", async () => {
  shell.type(`cho helo${LEFT}lx${BACKSPACE}${HOME}e\r`);
  await shows("hello");
});

test("it has the terminal's size, also after that changes", async () => {
  shell.type("stty size\r");
  await shows("30 100");
  shell.type(`sh -c 'trap "stty size; exit" WINCH; echo ready; while :; do sleep 0.1; done'\r`);
  await shows("ready");
  shell.resize(132, 43);
  await shows("43 132");
});

test("Ctrl-C ends what runs in the foreground, and not the shell", async () => {
  shell.type("sleep 1000; echo code $?\r");
  const sleeps = () => sh(session, "main1", "cat /proc/[0-9]*/comm | grep -cx sleep || true");
  await expect.poll(sleeps).toBe("1\n");
  shell.type(CTRL_C);
  await expect.poll(sleeps).toBe("0\n");
  shell.type("echo code $?\r");
  await shows("code 130");
});

test("10 MB of output arrive whole", async () => {
  await sh(session, "main1", "head -c 7800000 /dev/urandom | base64 >/tmp/text");
  const hash = await sh(session, "main1", "sha256sum </tmp/text");
  shell.type("cat /tmp/text; echo that is all\r");
  await expect
    .poll(() => shell.screen.lines.slice(-5), { timeout: 60_000, interval: 200 })
    .toContain("that is all");
  const { lines } = shell.screen;
  const text = lines.slice(
    lines.findLastIndex((line) => line.includes("echo that")) + 1,
    lines.lastIndexOf("that is all"),
  );
  const received = createHash("sha256")
    .update(`${text.join("\n")}\n`)
    .digest("hex");
  expect(`${received}  -\n`).toBe(hash);
});

test("Ctrl-D ends it, with the code of its last command", async () => {
  shell.type("(exit 5)\r");
  shell.type(CTRL_D);
  expect(await shell.exit).toBe(5);
});
