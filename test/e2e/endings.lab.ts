/** How sessions end: exits, missing images and commands. The reason names host, node and cause, and nothing is left. */
import { describe, expect, test, vi } from "vitest";
import type { SessionView } from "../../shared/session/session-schemas.ts";
import { cluster, containerOf, create, dockerOf, end, ended, get, running, sh } from "./skein.ts";

async function expectNothingLeft(): Promise<void> {
  expect(await (await cluster()).leftovers()).toEqual([]);
}

/** The reason names the container, the node and the cause. */
function expectReason(session: SessionView, host: string, what: RegExp): void {
  expect(session.status).toBe("failed");
  expect(session.reason).toContain(host);
  expect(session.reason).toContain(containerOf(session, host).node);
  expect(session.reason).toMatch(what);
}

describe("a session that fails", () => {
  test("because a command exits with 3 at once: its last lines are in output, the others are gone", async () => {
    const session = await create({
      clusterMode: "multi-node",
      image: "skein/debian:12",
      roles: [
        { name: "main", replicas: 1 },
        { name: "sub", replicas: 3 },
        { name: "bad", replicas: 1, command: ["sh", "-c", "echo out; echo err >&2; exit 3"] },
      ],
    });
    const over = await ended(session.id);
    expectReason(over, "bad1", /\b3\b/);
    expect(containerOf(over, "bad1")).toMatchObject({
      exitCode: 3,
      output: expect.stringMatching(/out\n.*err\n|err\n.*out\n/s),
    });
    await expectNothingLeft();
  });

  test("because its maxDuration is over, while its command would go on", async () => {
    const session = await running({
      image: "skein/busybox:1",
      clusterSize: 2,
      command: ["sh", "-c", "trap '' TERM; while :; do sleep 1; done"],
      maxDuration: 2,
    });
    const over = await ended(session.id);
    expect(over).toMatchObject({
      status: "failed",
      reason: "it has run for 2 s, its maxDuration; ask for more if its work takes longer",
    });
    // Killed at once, without the 10 s that a stop may take.
    expect(Date.parse(over.endedAt!) - Date.parse(over.startedAt!)).toBeLessThan(9_000);
    await expectNothingLeft();
  });

  test("because main1 exits with 5", async () => {
    const over = await ended(
      (await create({ image: "skein/busybox:1", clusterSize: 2, command: ["sh", "-c", "exit 5"] })).id,
    );
    expect(over.status).toBe("failed");
    await expectNothingLeft();
  });

  test("because an image does not exist", async () => {
    const over = await create({
      clusterMode: "multi-node",
      roles: [
        { name: "main", replicas: 1, image: "skein/busybox:1" },
        { name: "worker", replicas: 2, image: "skein/no-such-image:0" },
      ],
    });
    expect(over.status).toBe("failed");
    expect(over.reason).toMatch(/worker[12]/);
    expect(over.reason).toContain("skein/no-such-image:0");
    expect(over.reason).toMatch(/host|node/i);
    expect(over.reason).not.toMatch(/HTTP code/);
    const said = over.containers.flatMap(({ reason }) => reason ?? []);
    expect(said.length).toBeGreaterThan(0);
    for (const reason of said) expect(reason).toContain("cannot be pulled");
    await expectNothingLeft();
  });

  test("because a command is missing", async () => {
    const over = await ended((await create({ image: "skein/debian:12", command: ["no-such-command"] })).id);
    expectReason(over, "main1", /no-such-command/);
    expect(containerOf(over, "main1").exitCode).toBe(127);
    await expectNothingLeft();
  });

  test("keeps only the last 4 KiB of output", async () => {
    const over = await ended(
      (await create({ image: "skein/debian:12", command: ["sh", "-c", "seq 1 20000; exit 1"] })).id,
    );
    const output = containerOf(over, "main1").output!;
    expect(Buffer.byteLength(output)).toBeLessThanOrEqual(4096);
    expect(output).toMatch(/19999\n20000\n$/);
  });
});

test('onExit "ignore": a sub that exits with 7 does not end the session, and says so', async () => {
  const session = await running({
    image: "skein/busybox:1",
    roles: [
      { name: "main", replicas: 1 },
      { name: "sub", replicas: 1, command: ["sh", "-c", "echo gave up; exit 7"], onExit: "ignore" },
    ],
  });
  await vi.waitFor(async () => expect((await get(session.id)).containers[1]!.status).toBe("exited"), 20_000);
  const after = await get(session.id);
  expect([after.status, after.containers[1]!.exitCode, after.containers[1]!.output]).toEqual([
    "running",
    7,
    "gave up\n",
  ]);
  expect((await end(session)).status).toBe("terminated");
});

describe("a session that goes on or ends well", () => {
  test("goes on when sub1 ends with 0, and says so", async () => {
    const session = await running({
      image: "skein/debian:12",
      roles: [
        { name: "main", replicas: 1 },
        {
          name: "sub",
          replicas: 1,
          command: ["sh", "-c", "until [ -e /tmp/go ]; do sleep 0.05; done; echo bye"],
        },
        { name: "other", replicas: 1 },
      ],
    });
    await sh(session, "sub1", "touch /tmp/go");
    const docker = await dockerOf(session, "sub1");
    await docker.getContainer(containerOf(session, "sub1").containerId!).wait();
    await vi.waitFor(async () => {
      expect(containerOf(await get(session.id), "sub1")).toMatchObject({
        status: "exited",
        exitCode: 0,
        output: "bye\n",
      });
    });
    expect((await get(session.id)).status).toBe("running");
    expect(await sh(session, "main1", "ssh other1 hostname")).toBe("other1\n");
    expect((await end(session)).status).toBe("terminated");
    await expectNothingLeft();
  });

  test("is terminated when main1 ends with 0", async () => {
    const over = await ended((await create({ image: "skein/debian:12", command: ["echo", "done"] })).id);
    expect(over).toMatchObject({ status: "terminated" });
    expect(over.containers[0]).toMatchObject({ exitCode: 0, output: "done\n" });
    expect(over.endedAt).not.toBeNull();
    await expectNothingLeft();
  });
});
