import { expect, test } from "vitest";
import { Images } from "./images.ts";
import type { DockerPort, Image } from "./port.ts";

const image: Image = { id: "sha256:1", entrypoint: [], env: [], user: "" };

/** An engine whose pulls end when the test says so. */
function engine() {
  const pulls: {
    finish(): void;
    fail(error: Error): void;
    progress(text: string): void;
    signal: AbortSignal;
  }[] = [];
  let here = false;
  const docker = {
    image: async () => (here ? image : undefined),
    pull: (_reference: string, progress: (text: string) => void, signal: AbortSignal) =>
      new Promise<void>((resolve, fail) => {
        signal.addEventListener("abort", () => fail(signal.reason));
        const finish = () => {
          here = true;
          resolve();
        };
        pulls.push({ finish, fail, progress, signal });
      }),
  } as unknown as DockerPort;
  return { images: new Images(docker), pulls };
}

const never = new AbortController().signal;
const turn = () => new Promise((resolve) => setImmediate(resolve));

test("two containers that need one image share one pull and its progress", async () => {
  const { images, pulls } = engine();
  const heard: string[] = [];
  const both = [1, 2].map((who) => images.provide("a", (text) => heard.push(`${who} ${text}`), never));
  await turn();
  expect(pulls).toHaveLength(1);
  pulls[0]!.progress("pulling: 50%");
  pulls[0]!.finish();
  expect(await Promise.all(both)).toEqual([image, image]);
  expect(heard).toEqual(["1 pulling", "2 pulling", "1 pulling: 50%", "2 pulling: 50%"]);
});

test("a pull is aborted when the last waiter leaves; the next request starts a new pull", async () => {
  const { images, pulls } = engine();
  const [one, two] = [new AbortController(), new AbortController()];
  const waits = [one, two].map(({ signal }) => images.provide("a", () => {}, signal));
  await turn();
  one.abort(new Error("gone"));
  await expect(waits[0]).rejects.toThrow("gone");
  expect(pulls[0]!.signal.aborted).toBe(false);
  two.abort(new Error("gone, too"));
  await expect(waits[1]).rejects.toThrow("gone, too");
  expect(pulls[0]!.signal.aborted).toBe(true);

  const again = images.provide("a", () => {}, never);
  await turn();
  pulls[1]!.finish();
  expect(await again).toBe(image);
});

test("the engine's message is in the error", async () => {
  const { images, pulls } = engine();
  const wait = images.provide("nowhere/a:1", () => {}, never);
  await turn();
  pulls[0]!.fail(new Error("pull access denied"));
  await expect(wait).rejects.toThrow(
    "image nowhere/a:1 is not on this node and cannot be pulled: pull access denied",
  );
});
