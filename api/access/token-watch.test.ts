/** A stream ends when its token is revoked or expires. */
import { env } from "cloudflare:workers";
import { afterEach, expect, test, vi } from "vitest";
import { Limiter } from "../index.ts";
import { newId } from "../platform/ids.ts";
import { limiterOf } from "../platform/objects.ts";
import { sleepNow } from "../testing/objects.ts";
import { TokenWatch } from "./token-watch.ts";

afterEach(() => vi.restoreAllMocks());

const inAnHour = () => Date.now() + 3_600_000;

test("all streams of a revoked token end, and no other token's; one question serves them all", async () => {
  const asked = vi.spyOn(Limiter.prototype, "untilRevoked");
  const watch = new TokenWatch(env);
  const [token, other] = [newId("tok"), newId("tok")];
  const ends = [vi.fn(), vi.fn(), vi.fn()] as const;
  const stop = [token, token, other].map((actor, at) =>
    watch.watch({ actor, expiresAt: inAnHour() }, ends[at]!),
  );
  await vi.waitFor(() => expect(asked).toHaveBeenCalledTimes(2));
  await limiterOf(env, token).revoke();
  await vi.waitFor(() => expect(ends[0]).toHaveBeenCalledOnce());
  expect(ends[1]).toHaveBeenCalledOnce();
  expect(ends[2]).not.toHaveBeenCalled();
  expect(asked).toHaveBeenCalledTimes(2);
  stop[2]!();
  await limiterOf(env, other).revoke();
  await asked.mock.results[1]!.value;
  expect(ends[2]).not.toHaveBeenCalled();
});

test("a token that was revoked before its stream began ends it at once", async () => {
  const actor = newId("tok");
  await limiterOf(env, actor).revoke();
  await sleepNow(limiterOf(env, actor));
  const over = vi.fn();
  new TokenWatch(env).watch({ actor, expiresAt: inAnHour() }, over);
  await vi.waitFor(() => expect(over).toHaveBeenCalledOnce());
});

test("a token's end ends its streams", async () => {
  const over = vi.fn();
  const expiresAt = Date.now() + 300;
  new TokenWatch(env).watch({ actor: newId("tok"), expiresAt }, over);
  await vi.waitFor(() => expect(over).toHaveBeenCalledOnce());
  expect(Date.now()).toBeGreaterThanOrEqual(expiresAt);
});

test("the question is asked again after a Limiter was away", async () => {
  const asked = vi.spyOn(Limiter.prototype, "untilRevoked").mockImplementationOnce(() => {
    throw new Error("away");
  });
  const [actor, over] = [newId("tok"), vi.fn()];
  new TokenWatch(env).watch({ actor, expiresAt: inAnHour() }, over);
  await vi.waitFor(() => expect(asked).toHaveBeenCalledTimes(2));
  await limiterOf(env, actor).revoke();
  await vi.waitFor(() => expect(over).toHaveBeenCalledOnce());
});

test("the installation's own token needs no watch", async () => {
  const asked = vi.spyOn(Limiter.prototype, "untilRevoked");
  new TokenWatch(env).watch({ actor: "admin-token", expiresAt: null }, () => {
    throw new Error("it cannot end");
  });
  await limiterOf(env, "admin-token").spend();
  expect(asked).not.toHaveBeenCalled();
});
