import { Readable } from "node:stream";
import { expect, test } from "vitest";
import { followPull } from "./pull.ts";

const signal = new AbortController().signal;
const lines = (...said: object[]) =>
  Readable.from([Buffer.from(said.map((each) => `${JSON.stringify(each)}\r\n`).join(""))]);

test("progress is the sum over all layers, each counted once", async () => {
  const heard: string[] = [];
  const stream = lines(
    { status: "Pulling from library/a", id: "latest" },
    { id: "1", status: "Downloading", progressDetail: { current: 50, total: 100 } },
    { id: "2", status: "Downloading", progressDetail: { current: 0, total: 100 } },
    { id: "1", status: "Download complete" },
    { id: "1", status: "Extracting", progressDetail: { current: 1, total: 100 } },
    { status: "Status: Downloaded" },
  );
  await followPull(stream, (text) => heard.push(text), signal);
  expect(heard).toEqual([
    "pulling",
    "pulling: 50%",
    "pulling: 25%",
    "pulling: 50%",
    "pulling: 50%",
    "pulling: 50%",
  ]);
});

test("an error in the stream fails the pull, although the engine answered 200", async () => {
  const stream = lines({ errorDetail: { message: "denied" }, error: "denied" }, { status: "more" });
  await expect(followPull(stream, () => {}, signal)).rejects.toThrow("denied");
});

test("a silent pull ends when the signal aborts", async () => {
  const abort = new AbortController();
  const silent = new Readable({ read() {} });
  const followed = followPull(silent, () => {}, abort.signal);
  abort.abort(new Error("given up"));
  await expect(followed).rejects.toThrow("given up");
  expect(silent.destroyed).toBe(true);
});
