import { expect, test } from "vitest";
import { ApiProblem } from "./api-problem.ts";
import type { FollowOptions, SkeinEvent } from "./events.ts";
import type { Session } from "./generated/types.gen.ts";
import { waitUntil } from "./wait-until.ts";

type Step = Session["status"] | Error;

/** An API whose session is at the next step each time it is asked; `events` says so often that something changed. */
function api(steps: Step[], events: number) {
  const asked: string[] = [];
  let last: Step = "pending";
  return {
    asked,
    async getSession({ path }: { path: { id: string } }) {
      asked.push(path.id);
      last = steps.shift() ?? last;
      if (last instanceof Error) throw last;
      return { id: "ses_1", name: "train", status: last, reason: "why" } as Session;
    },
    async *events({ onConnection }: FollowOptions) {
      onConnection?.(true);
      for (let at = 0; at < events; at++) yield { event: "session" } as SkeinEvent;
    },
  };
}

test("a session that is so already is not followed", async () => {
  const one = api(["running"], 0);
  expect((await waitUntil(one, "train", "running")).status).toBe("running");
  expect(one.asked).toEqual(["train"]);
});

test("it is looked at again with each change, by its id", async () => {
  const one = api(["pending", "preparing", "starting", "running"], 5);
  expect((await waitUntil(one, "train", "running")).status).toBe("running");
  expect([one.asked[0], new Set(one.asked.slice(1))]).toEqual(["train", new Set(["ses_1"])]);
});

test("what changed before the events were connected is seen", async () => {
  expect((await waitUntil(api(["preparing", "running"], 0), "train", "running")).status).toBe("running");
});

test("a session that ends before it runs is an error with its reason", async () => {
  await expect(waitUntil(api(["pending", "failed"], 1), "train", "running")).rejects.toThrow(
    "session train has failed: why",
  );
});

test("a function says what is waited for", async () => {
  const until = ({ status }: Session) => status === "starting";
  expect((await waitUntil(api(["pending", "pending", "starting"], 3), "train", until)).status).toBe(
    "starting",
  );
});

const problem = (status: number) =>
  new ApiProblem({ type: "about:blank", title: "", status, code: "x", detail: `answers ${status}` });

test("an API that is away for a moment only delays it; one that refuses does not", async () => {
  const away = api(["pending", new TypeError("fetch failed"), problem(503), "running"], 1);
  expect((await waitUntil(away, "train", "running")).status).toBe("running");
  await expect(waitUntil(api(["pending", problem(404)], 1), "train", "running")).rejects.toThrow(
    "answers 404",
  );
});

test("a signal ends it with its reason", async () => {
  const stop = new AbortController();
  const one = {
    ...api(["pending"], 0),
    async *events({ signal }: FollowOptions): AsyncGenerator<SkeinEvent, void, undefined> {
      stop.abort(new Error("enough"));
      await new Promise((resolve) =>
        signal!.aborted ? resolve(0) : signal!.addEventListener("abort", resolve),
      );
    },
  };
  await expect(waitUntil(one, "train", "running", { signal: stop.signal })).rejects.toThrow("enough");
});
