import { expect, test } from "vitest";
import { exitReason } from "./exit.ts";

const ended = { exitCode: 0, oomKilled: false, error: "" };

test.each([
  ["nothing to add to 3", { exitCode: 3 }, "", undefined],
  ["nothing to add to 0", { exitCode: 0 }, "", undefined],
  ["a signal by its name", { exitCode: 139 }, "", "ended by SIGSEGV"],
  ["no signal of that number", { exitCode: 250 }, "", undefined],
  [
    "memory",
    { exitCode: 137, oomKilled: true },
    "",
    "killed for want of memory: its memory limit is 1024 bytes",
  ],
  [
    "no such command",
    { exitCode: 127 },
    'before\nskein: cannot run "trian": not found on the PATH (/bin)\n',
    "command not found: trian (not found on the PATH (/bin))",
  ],
  [
    "no program",
    { exitCode: 126 },
    'skein: cannot run "/etc/passwd": not an executable file\n',
    "command cannot be run: /etc/passwd (not an executable file)",
  ],
  ["127 of the command's own", { exitCode: 127 }, "sh: foo: not found\n", undefined],
  ["the engine's words", { exitCode: 128, error: "OCI runtime: no" }, "", "OCI runtime: no"],
])("%s", (_, how, output, reason) => {
  expect(exitReason({ ...ended, ...how }, output, 1024)).toBe(reason);
});
