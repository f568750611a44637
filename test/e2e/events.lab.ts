/** Event streams are complete and in order, whatever happens to the API; commands live on them. */
import { once } from "node:events";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { describe, expect, test } from "vitest";
import type { SkeinEvent } from "../../sdk/index.ts";
import { cluster, end, ended, request, settled } from "./skein.ts";

const ROOT = join(import.meta.dirname, "../..");

/** A follower that collects events until the session's last one. */
function follow(session: string | undefined, tail?: number) {
  const [events, told, stop] = [[] as SkeinEvent[], [] as string[], new AbortController()];
  const connected = Promise.withResolvers<void>();
  const done = (async () => {
    const { skein } = await cluster();
    const options = {
      ...(session === undefined ? {} : { session }),
      ...(tail === undefined ? {} : { tail }),
      signal: stop.signal,
      onConnection(up: boolean, reason?: string) {
        told.push(up ? "up" : reason!);
        connected.resolve();
      },
    };
    for await (const event of skein.events(options)) events.push(event);
  })();
  return { events, told, done, connected: connected.promise, stop: () => stop.abort() };
}

/** The session's events in short, without the numbers of their stream. */
function story(events: readonly SkeinEvent[], session: string): string[] {
  return events
    .filter(({ sessionId, event }) => sessionId === session && event !== "progress")
    .map((event) => {
      const what = event.event === "session" ? event.epoch : `${event.host} on ${event.node}`;
      return `${event.time} ${event.event} ${what} ${event.status} ${event.reason}`;
    });
}

const isOver = ({ event, status }: SkeinEvent) => event === "session" && status === "terminated";

describe("an API that is killed again and again while a session comes up and goes", () => {
  test("leaves no gap and no repeat in the session's stream, nor in its project's", async () => {
    const { api } = await cluster();
    const project = follow(undefined, 0);
    await project.connected;
    const { body } = await request<{ id: string }>("POST", "/v1/sessions", {
      image: "skein/busybox:1",
      clusterMode: "multi-node",
      clusterSize: 6,
    });
    const { id } = body;
    const own = follow(id);
    for (const status of ["preparing", "starting", "running"]) {
      await expect
        .poll(() => own.events.some((event) => event.status === status), { timeout: 60_000, interval: 5 })
        .toBe(true);
      await api.restart("SIGKILL");
    }
    await request("DELETE", `/v1/sessions/${id}`);
    await api.restart("SIGKILL");
    await ended(id);
    await own.done;
    await expect
      .poll(() => project.events.some((event) => isOver(event) && event.sessionId === id), {
        timeout: 60_000,
      })
      .toBe(true);
    project.stop();
    await project.done;

    expect(own.events.map((event) => event.id)).toEqual(own.events.map((_, at) => String(at + 1)));
    expect(own.told.filter((word) => word === "up").length).toBeGreaterThan(3);
    expect(story(project.events, id)).toEqual(story(own.events, id));
    const numbers = project.events.map((event) => Number(event.id));
    expect(numbers).toEqual(numbers.map((_, at) => numbers[0]! + at));
    // What a late reader gets is what those got who were there.
    const late = follow(id);
    await late.done;
    expect(late.events).toEqual(own.events);
    const containers = own.events.filter(({ event }) => event === "container");
    for (const status of ["pending", "prepared", "started", "running", "removed"])
      expect(containers.filter((event) => event.status === status)).toHaveLength(6);
  });
});

describe("a command that follows a session", () => {
  /** `skein` on the API's machine, with the admin's token. */
  async function skein(...args: string[]) {
    const { api, lab } = await cluster();
    const env = { SKEIN_API: api.url, SKEIN_TOKEN: api.token };
    const child = lab.api.spawn([join(ROOT, "skein"), ...args], { env });
    let stderr = "";
    child.stderr!.setEncoding("utf8").on("data", (chunk: string) => {
      stderr += chunk;
    });
    const exited = once(child, "exit");
    return { stdout: text(child.stdout!), exited, progress: () => stderr };
  }

  test("run goes on over a restart of the API, says so, and shows each change once", async () => {
    const { api } = await cluster();
    const run = await skein("run", "--image", "skein/busybox:1", "--size", "3", "--name", "watched");
    await expect.poll(run.progress, { timeout: 30_000, interval: 5 }).toContain("watched is preparing");
    await api.kill("SIGKILL");
    await expect.poll(run.progress, { timeout: 30_000 }).toContain("no answer from the API");
    await api.start();
    expect(await run.exited).toEqual([0, null]);
    const lines = run.progress().trimEnd().split("\n");
    expect(lines).toContain("the API answers again");
    for (const host of ["main1", "sub1", "sub2"]) {
      const own = lines.filter((line) => line.startsWith(`watched: ${host} on `));
      expect(own.map((line) => line.split(" is ")[1])).toEqual(["pending", "prepared", "started", "running"]);
    }
    expect(new Set(lines).size).toBe(lines.length);
    expect(await run.stdout).toMatch(/^watched \(ses_\w+\) is running: single-node, 3 containers/);
    const removed = await skein("rm", "watched");
    expect(await removed.exited).toEqual([0, null]);
    expect(removed.progress()).toContain("watched: main1 on ");
  });

  test("run says why a session fails", async () => {
    const run = await skein("run", "--image", "skein/no-such-image:9", "--name", "hopeless");
    expect(await run.exited).toEqual([1, null]);
    expect(run.progress()).toMatch(
      /hopeless is terminating: main1 on \S+: image skein\/no-such-image:9 is not on/,
    );
    expect(await run.stdout).toContain("hopeless");
  });
});

test("the pull of an image shows how far it is", async () => {
  const { lab } = await cluster();
  const host = lab.hosts[0]!;
  const registry = host.spawn([process.execPath, join(ROOT, "test/lab/registry.ts"), "5000"]);
  try {
    await once(registry.stdout!, "data");
    // Only that host reaches the registry.
    const labels = { registry: "slow" };
    expect((await request("PATCH", `/v1/nodes/${host.name}`, { labels })).status).toBe(200);
    const { body } = await request<{ id: string }>("POST", "/v1/sessions", {
      image: "127.0.0.1:5000/slow:1",
      clusterSize: 2,
      placement: { labels },
    });
    const own = follow(body.id);
    const session = await settled(body.id);
    expect(session.status, session.reason ?? "").toBe("running");
    await end(session);
    await own.done;
    const progress = own.events.filter(({ event }) => event === "progress");
    expect(progress.length).toBeGreaterThan(2);
    for (const { event, id, reason } of progress)
      expect([event, id, reason]).toEqual(["progress", null, expect.stringMatching(/^pulling: \d+%$/)]);
    expect(new Set(progress.map(({ reason }) => reason)).size).toBeGreaterThan(2);
    const pulling = own.events.filter(({ event, status }) => event === "container" && status === "pulling");
    expect(pulling).toHaveLength(2);
  } finally {
    registry.kill();
  }
});
