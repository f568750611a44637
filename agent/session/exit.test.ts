import { expect, test } from "vitest";
import { exitReason } from "./exit.ts";

const ended = { exitCode: 0, oomKilled: false, error: "" };

test.each([
  ["3 needs no words", { exitCode: 3 }, "", undefined],
  ["0 needs no words", { exitCode: 0 }, "", undefined],
  ["the name of a signal", { exitCode: 139 }, "", "ended by SIGSEGV"],
  ["a code above 128 that is no signal", { exitCode: 250 }, "", undefined],
  [
    "memory",
    { exitCode: 137, oomKilled: true },
    "",
    "killed because it ran out of memory: its memory limit is 1024 bytes",
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
  ["127 from the command itself", { exitCode: 127 }, "sh: foo: not found\n", undefined],
  ["the engine's message", { exitCode: 128, error: "OCI runtime: no" }, "", "OCI runtime: no"],
])("%s", (_, how, output, reason) => {
  expect(exitReason({ ...ended, ...how }, output, 1024)).toBe(reason);
});
