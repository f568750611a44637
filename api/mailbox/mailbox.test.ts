/** The mailbox by itself, on its own storage: order, newest wins, retries. Then between two objects that crash. */
import { evictDurableObject, reset, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, describe, expect, test, vi } from "vitest";
import { done } from "../../shared/testing/reports.ts";
import { Fleet, Session } from "../index.ts";
import { Alarm } from "../platform/alarm.ts";
import { DOCUMENTS } from "../platform/documents.ts";
import { fleetOf, sessionOf } from "../platform/objects.ts";
import { call, create, ended, settled } from "../testing/call-api.ts";
import { readyNode } from "../testing/fake-agent.ts";
import { sleepNow, storageOf } from "../testing/objects.ts";
import { forgetSender, type Letter, MAIL_SCHEMA, Mailbox, takeNew } from "./mailbox.ts";

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
  return reset();
});

interface Post {
  storage: DurableObjectStorage;
  alarm: Alarm;
  mailbox: Mailbox<unknown>;
  /** Batches in order of delivery: `[target, body, …]`, including those that the target did not take. */
  carried: unknown[][];
  /** What a target does with a batch; by default it takes it. */
  on: (target: string) => void | Promise<void>;
}

/** Runs `work` with the mailbox of an object that has nothing else. */
function withMailbox(work: (post: Post) => Promise<void>): Promise<void> {
  vi.spyOn(console, "error").mockImplementation(() => {});
  return runInDurableObject(sessionOf(env, "only a mailbox"), async (_, { storage }) => {
    storage.sql.exec(MAIL_SCHEMA + DOCUMENTS);
    const alarm = new Alarm(storage);
    const mailbox = new Mailbox<unknown>(storage, alarm, async (target, letters) => {
      post.carried.push([target, ...letters.map(({ body }) => body)]);
      await post.on(target);
    });
    const post: Post = { storage, alarm, mailbox, carried: [], on: () => {} };
    await work(post);
  });
}

function unreachable(): never {
  throw new Error("out of reach");
}

describe("letters without a subject", () => {
  test("all arrive, in the order in which they were posted", () =>
    withMailbox(async ({ mailbox, carried }) => {
      for (const body of ["a", { b: 1 }, null, ["c"]]) mailbox.post("x", body);
      await mailbox.deliverAll();
      expect(carried).toEqual([["x", "a", { b: 1 }, null, ["c"]]]);
      await mailbox.deliverAll();
      expect(carried).toHaveLength(1);
    }));

  test("keep their order across batches, also when letters are posted during a delivery", () =>
    withMailbox(async (post) => {
      for (let i = 0; i < 250; i++) post.mailbox.post("x", i);
      post.on = () => {
        if (post.carried.length === 1) post.mailbox.post("x", 250);
      };
      await post.mailbox.deliver("x");
      expect(post.carried.length).toBeGreaterThan(2);
      expect(post.carried.flatMap(([, ...bodies]) => bodies)).toEqual(
        Array.from({ length: 251 }, (_, i) => i),
      );
    }));

  test("arrive whole, however large they are", () =>
    withMailbox(async ({ storage, mailbox, carried }) => {
      const large = "ü".repeat(3_000_000);
      mailbox.post("x", "small");
      mailbox.post("x", large);
      await mailbox.deliver("x");
      expect(carried).toEqual([["x", "small", large]]);
      expect(storage.sql.exec("SELECT * FROM documents").toArray()).toEqual([]);
    }));

  test("have numbers that grow as long as their sender lives, also when no letter is left, and across its sleep", async () => {
    const numbers: number[] = [];
    for (let i = 0; i < 3; i++) {
      await withMailbox(async ({ storage, alarm }) => {
        const mailbox = new Mailbox<string>(storage, alarm, async (_, letters) => {
          numbers.push(...letters.map(({ seq }) => seq));
        });
        mailbox.post("x", "a");
        mailbox.post("y", "b");
        await mailbox.deliverAll();
      });
      await evictDurableObject(sessionOf(env, "only a mailbox"));
    }
    expect(numbers).toHaveLength(6);
    expect(numbers).toEqual([...new Set(numbers)].toSorted((a, b) => a - b));
  });

  test("are carried one batch at a time, however many calls ask for delivery", () =>
    withMailbox(async (post) => {
      let under = 0;
      let most = 0;
      post.on = async () => {
        most = Math.max(most, ++under);
        await Promise.resolve();
        under--;
      };
      for (let i = 0; i < 5; i++) {
        post.mailbox.post("x", i);
        void post.mailbox.deliver("x");
      }
      await post.mailbox.deliver("x");
      expect(most).toBe(1);
      expect(post.carried.flatMap(([, ...bodies]) => bodies)).toEqual([0, 1, 2, 3, 4]);
    }));
});

describe("letters with a subject", () => {
  test("the newest replaces undelivered ones, at its own place in the order", () =>
    withMailbox(async ({ mailbox, carried }) => {
      mailbox.post("x", "old", "status");
      mailbox.post("x", "create");
      mailbox.post("x", "other", "another subject");
      mailbox.post("y", "y's own", "status");
      mailbox.post("x", "new", "status");
      await mailbox.deliver("x");
      expect(carried).toEqual([["x", "create", "other", "new"]]);
      await mailbox.deliver("y");
      expect(carried[1]).toEqual(["y", "y's own"]);
    }));

  test("one that is replaced while it is under way is followed by the newer one", () =>
    withMailbox(async (post) => {
      post.mailbox.post("x", "old", "status");
      post.on = () => {
        if (post.carried.length === 1) post.mailbox.post("x", "new", "status");
      };
      await post.mailbox.deliver("x");
      expect(post.carried).toEqual([
        ["x", "old"],
        ["x", "new"],
      ]);
      expect(post.mailbox.isWaiting("x")).toBe(false);
    }));

  test("one without a body gets it at delivery, and stores none", () =>
    withMailbox(async ({ storage, mailbox, carried }) => {
      mailbox.post("x", undefined, "status");
      expect(storage.sql.exec("SELECT subject, body FROM mail").toArray()).toEqual([
        { subject: "status", body: null },
      ]);
      await mailbox.deliver("x");
      expect(carried).toEqual([["x", undefined]]);
    }));
});

describe("a target that does not take its letters", () => {
  test("gets them again from the alarm, after pauses that grow up to half a minute", () =>
    withMailbox(async (post) => {
      const { storage, alarm, mailbox } = post;
      post.on = unreachable;
      storage.transactionSync(() => mailbox.post("x", "a"));
      const pauses: number[] = [];
      for (let tries = 1; tries <= 8; tries++) {
        await mailbox.deliverAll();
        // It rests: no delivery is tried meanwhile.
        await mailbox.deliverAll();
        expect(post.carried).toHaveLength(tries);
        const ringsAt = (await storage.getAlarm())!;
        pauses.push(Math.round((ringsAt - Date.now()) / 1000));
        vi.setSystemTime(ringsAt);
        alarm.rang();
      }
      expect(pauses).toEqual([1, 2, 4, 8, 16, 30, 30, 30]);
      post.on = () => {};
      await mailbox.deliverAll();
      expect(post.carried.at(-1)).toEqual(["x", "a"]);
      expect(mailbox.isWaiting("x")).toBe(false);
    }));

  test("is tried at most once more for all letters posted during a delivery: it fails once or twice, not more", () =>
    withMailbox(async (post) => {
      const { storage, mailbox } = post;
      post.on = unreachable;
      const asked = Array.from({ length: 20 }, (_, i) => {
        mailbox.post("x", i);
        return mailbox.deliverAll();
      });
      await Promise.all(asked);
      expect(post.carried.length).toBeLessThanOrEqual(2);
      expect((await storage.getAlarm())! - Date.now()).toBeLessThanOrEqual(2000);
      post.on = () => {};
      await mailbox.deliver("x");
      expect(post.carried.at(-1)).toEqual(["x", ...Array.from({ length: 20 }, (_, i) => i)]);
    }));

  test("does not hold up others", () =>
    withMailbox(async (post) => {
      const { mailbox } = post;
      post.on = (target) => (target === "x" ? unreachable() : undefined);
      for (const target of ["x", "y"]) mailbox.post(target, `first to ${target}`);
      await mailbox.deliverAll();
      mailbox.post("y", "second to y");
      await mailbox.deliverAll();
      expect(post.carried).toEqual([
        ["x", "first to x"],
        ["y", "first to y"],
        ["y", "second to y"],
      ]);
    }));

  test("does not hold up others while it is slow, either", () =>
    withMailbox(async (post) => {
      const { mailbox } = post;
      const { promise, resolve } = Promise.withResolvers<void>();
      post.on = (target) => (target === "x" ? promise : undefined);
      mailbox.post("x", "slow");
      const slow = mailbox.deliverAll();
      mailbox.post("y", "swift");
      await mailbox.deliver("y");
      expect(mailbox.isWaiting("y")).toBe(false);
      expect(mailbox.isWaiting("x")).toBe(true);
      resolve();
      await slow;
      expect(mailbox.isWaiting("x")).toBe(false);
    }));

  test("rejects the call that asks for delivery; the caller may retry at once, and the letters still arrive in order", () =>
    withMailbox(async (post) => {
      const { mailbox } = post;
      post.on = unreachable;
      mailbox.post("x", "a");
      mailbox.post("x", "b");
      await expect(mailbox.deliver("x")).rejects.toThrow("out of reach");
      post.on = () => {};
      await mailbox.deliver("x");
      expect(post.carried.at(-1)).toEqual(["x", "a", "b"]);
    }));

  test("receives no withdrawn letter", () =>
    withMailbox(async (post) => {
      const { storage, mailbox } = post;
      post.on = unreachable;
      const large = "a".repeat(1_000_000);
      for (const target of ["x", "y"]) mailbox.post(target, large);
      await mailbox.deliverAll();
      for (const target of ["x", "y"]) mailbox.withdraw(target);
      post.on = () => {};
      for (const target of ["x", "y"]) await mailbox.deliver(target);
      expect(post.carried).toHaveLength(2);
      expect(storage.sql.exec("SELECT * FROM documents").toArray()).toEqual([]);
    }));
});

test("a transaction that is rolled back sends no letters", () =>
  withMailbox(async ({ storage, mailbox, carried }) => {
    const change = () =>
      storage.transactionSync(() => {
        mailbox.post("x", "a");
        throw new Error("refused");
      });
    expect(change).toThrow("refused");
    await mailbox.deliverAll();
    expect(carried).toEqual([]);
  }));

describe("a target that receives a letter twice", () => {
  const letters = (...seqs: number[]): Letter<string>[] =>
    seqs.map((seq) => ({ seq, subject: "", body: `letter ${seq}` }));
  const bodies = (taken: Letter<string>[]) => taken.map(({ body }) => body);

  test("takes it once, from each sender", () =>
    withMailbox(async ({ storage: { sql } }) => {
      expect(bodies(takeNew(sql, "a", letters(3, 4)))).toEqual(["letter 3", "letter 4"]);
      expect(bodies(takeNew(sql, "a", letters(3, 4, 7)))).toEqual(["letter 7"]);
      expect(bodies(takeNew(sql, "a", letters(4, 7)))).toEqual([]);
      expect(bodies(takeNew(sql, "b", letters(1)))).toEqual(["letter 1"]);
      forgetSender(sql, "a");
      expect(sql.exec("SELECT * FROM heard").toArray()).toEqual([{ sender: "b", seq: 1 }]);
    }));

  test("takes it again if its change was rolled back", () =>
    withMailbox(async ({ storage }) => {
      const change = () =>
        storage.transactionSync(() => {
          takeNew(storage.sql, "a", letters(1));
          throw new Error("refused");
        });
      expect(change).toThrow("refused");
      expect(bodies(takeNew(storage.sql, "a", letters(1)))).toEqual(["letter 1"]);
    }));
});

describe("an object that crashes between delivery and forgetting", () => {
  /** The other object takes the letters, but the sender never gets the answer. */
  function loseAnswers<T extends object>(of: T, method: keyof T & string) {
    vi.spyOn(console, "error").mockImplementation(() => {});
    const target = of as Record<string, (...args: unknown[]) => unknown>;
    const take = target[method]!;
    return vi.spyOn(target, method).mockImplementation(async function (this: unknown, ...args) {
      await take.apply(this, args);
      throw new Error("lost on the way back");
    });
  }

  test("Fleet sends again, and the Session has changed once", async () => {
    const { link } = await readyNode();
    const lost = loseAnswers(Session.prototype, "receive");
    expect((await call("POST", "/v1/sessions", { image: "a", name: "x" })).status).toBe(503);
    const prepared = await link.asked("prepared");
    link.send(done(prepared));
    await link.asked("started");
    await evictDurableObject(fleetOf(env));
    const before = await storageOf(sessionOf(env, prepared.session));
    lost.mockRestore();
    const again = vi.spyOn(Session.prototype, "receive");
    await runDurableObjectAlarm(fleetOf(env));
    await expect.poll(async () => (await storageOf(fleetOf(env)))["mail"]).toEqual([]);
    expect(again.mock.calls.flatMap(([, all]) => all.map(({ body }) => body.kind))).toEqual([
      "create",
      "begin",
    ]);
    expect(await storageOf(sessionOf(env, prepared.session))).toEqual(before);
    expect(link.texts("assign")).toHaveLength(2);
  });

  test("a Session sends again, and Fleet has changed once", async () => {
    const { link } = await readyNode();
    link.follow();
    const { id } = await create({ resources: { cpu: 1 } }, "?wait=20");
    const lost = loseAnswers(Fleet.prototype, "sessionNews");
    await call("DELETE", `/v1/sessions/${id}`);
    await link.asked("removed");
    await vi.waitFor(() => expect(lost).toHaveBeenCalled());
    // Fleet has it; the Session does not know.
    expect((await call<{ status: string }>("GET", `/v1/sessions/${id}`)).body.status).toBe("terminating");
    await sleepNow(sessionOf(env, id));
    lost.mockRestore();
    await runDurableObjectAlarm(sessionOf(env, id));
    expect((await ended(id)).status).toBe("terminated");
    expect((await settled((await create({ name: "next" })).id)).status).toBe("running");
  });
});
