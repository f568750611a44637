import { expect, test } from "vitest";
import { copyOf, leadsOut, written } from "./copy-paths.ts";

test("a path in a container is SESSION:PATH or SESSION/HOST:PATH, and counts from the root", () => {
  expect(copyOf("a", "s:/b")).toEqual({
    direction: "in",
    local: "a",
    remote: { session: "s", host: "main1", path: "/b" },
  });
  expect(copyOf("s/sub1:b", ".").remote).toEqual({ session: "s", host: "sub1", path: "/b" });
  expect(copyOf("./a:b", "s/*:/c")).toMatchObject({ local: "./a:b", remote: { host: "*" } });
  expect(copyOf("/a:b", "s:/c:d").remote.path).toBe("/c:d");
});

test.each([
  ["a", "b"],
  ["s:/a", "t:/b"],
  ["s/*:/a", "b"],
  [":/a", "b"],
  ["s/:/a", "b"],
])("%s to %s is refused", (source, target) => {
  expect(() => copyOf(source, target)).toThrow();
});

test.each([
  ["dir/.", "dir", true, true],
  [".", ".", true, true],
  ["dir/", "dir", false, true],
  ["/", "/", false, true],
  ["a/../b", "b", false, false],
  ["a.", "a.", false, false],
])("%s is written for %s", (given, path, contents, mustBeDirectory) => {
  expect(written(given)).toEqual({ path, contents, mustBeDirectory });
});

test.each([
  ["link", "other", false],
  ["a/link", "../other", false],
  ["a/link", "../../other", true],
  ["link", "/etc", true],
  ["a/b/link", "../../c/../../d", true],
  ["link", "..", true],
])("a link at %s to %s leads out: %s", (path, target, out) => {
  expect(leadsOut(path, target)).toBe(out);
});
