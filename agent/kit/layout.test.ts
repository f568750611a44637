import { expect, it } from "vitest";
import { kitBinds, kitEntrypoint, pathWithKit } from "./layout.ts";
import { proveCommand, unproven } from "./prove.ts";

it("puts the kit's clients last on the PATH, once", () => {
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

it("reads from a proof who is not proven, and why", () => {
  const targets = ["main1", "sub1", "sub2"].map((host) => ({ host, user: "dev" }));
  expect(proveCommand(targets, 30)).toEqual(["/.skein/kit/prove", "30", "dev@main1", "dev@sub1", "dev@sub2"]);
  expect(
    unproven(targets, "sub1 failed ssh: connect to host sub1 port 22: Connection refused\nmain1 ok\n"),
  ).toEqual([
    { host: "sub1", reason: "ssh: connect to host sub1 port 22: Connection refused" },
    { host: "sub2", reason: "the proof ended without a word about it" },
  ]);
});
