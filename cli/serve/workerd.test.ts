import { expect, test } from "vitest";
import { lastWords } from "./workerd.ts";

test.each([
  [
    '{"level":"error"}\n*** Uncaught exception ***\nworkerd/server/server/bridge.rs:851: overloaded: accept(): Too many open files (os error 24)\nstack: 1 2\n',
    "accept(): Too many open files",
  ],
  ["*** Fatal uncaught kj::Exception: kj/io.c++:29: failed: disk I/O error\n", "disk I/O error"],
  ["*** Received signal #11: Segmentation fault\n", undefined],
  ["", undefined],
])("the reason of an end is the exception in workerd's last output", (said, reason) => {
  expect(lastWords(said)).toBe(reason);
});
