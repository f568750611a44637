import { expect, it } from "vitest";
import { kitBinds, kitEntrypoint, pathWithKit } from "./layout.ts";
import { type ProofTarget, proveCommand, unproven } from "./prove.ts";

it("puts the kit's clients at the end of the PATH, once", () => {
  expect(pathWithKit("/opt/bin:/bin")).toBe("/opt/bin:/bin:/.skein/kit/path");
  expect(pathWithKit(pathWithKit("/bin"))).toBe("/bin:/.skein/kit/path");
  expect(pathWithKit(undefined)).toBe(
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/.skein/kit/path",
  );
});

it("composes the entry point and the mounts", () => {
  expect(kitEntrypoint(["python", "-c", "a b"])).toEqual([
    "/.skein/kit/bin/tini-static",
    "--",
    "/.skein/kit/start",
    "0",
    "python",
    "-c",
    "a b",
  ]);
  expect(kitBinds("/var/kit/abc", "/var/self")).toEqual([
    "/var/kit/abc:/.skein/kit:ro",
    "/var/self:/.skein/self:ro",
  ]);
});

it("reads from the output of a proof what failed, and why", () => {
  const targets: ProofTarget[] = [
    { way: "ping", host: "sub1" },
    { way: "ssh", host: "main1" },
    { way: "ssh", host: "sub1" },
    { way: "ssh", host: "sub2" },
  ];
  expect(proveCommand(targets, 30, 1450)).toEqual(
    ["/.skein/kit/prove", "30", "1450"].concat("ping/sub1", "ssh/main1", "ssh/sub1", "ssh/sub2"),
  );
  const refused = "ssh: connect to host sub1 port 22: Connection refused";
  expect(unproven(targets, `ssh sub1 failed ${refused}\nping sub1 ok\nssh main1 ok\n`)).toEqual([
    { ...targets[2], reason: refused },
    { ...targets[3], reason: "the proof ended without a word about it" },
  ]);
});
