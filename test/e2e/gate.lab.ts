/** The gate: no command starts before the session's network and SSH are proven; signals and exit codes are the command's own. */
import { describe, expect, test } from "vitest";
import { create, end, ended, get, running, sh } from "./skein.ts";

describe("the gate", () => {
  test("main1 may ssh to the last container as its first action, in each of 20 sessions", async () => {
    for (let round = 0; round < 5; round++) {
      const sessions = await Promise.all(
        [0, 1, 2, 3].map((i) =>
          create({
            clusterMode: i % 2 ? "multi-node" : "single-node",
            roles: [
              { name: "main", replicas: 1, image: "skein/debian:12", command: ["ssh", "sub3", "hostname"] },
              { name: "sub", replicas: 3, image: "skein/busybox:1" },
            ],
          }).then(({ id }) => ended(id)),
        ),
      );
      for (const session of sessions) {
        expect([session.status, session.reason, session.containers[0]!.output]).toEqual([
          "terminated",
          expect.anything(),
          "sub3\n",
        ]);
        expect(session.containers[0]!.exitCode).toBe(0);
      }
    }
  });

  test("SIGTERM reaches the command, and its exit code is the session's", async () => {
    const trap = "trap 'echo caught; exit 42' TERM; echo ready; while :; do sleep 0.1; done";
    const session = await running({ image: "skein/debian:12", command: ["bash", "-c", trap] });
    await sh(session, "main1", "until grep -q . /proc/1/task/1/children; do :; done");
    const over = await end(session);
    expect(over.status).toBe("terminated");
    expect(over.containers[0]).toMatchObject({ exitCode: 42, output: "ready\ncaught\n" });
  });

  test("a command that ignores SIGTERM is killed after the grace, and the session still ends", async () => {
    const session = await running({
      image: "skein/busybox:1",
      command: ["sh", "-c", "trap '' TERM; while :; do sleep 1; done"],
    });
    const before = Date.now();
    const over = await end(session);
    expect(over.status).toBe("terminated");
    expect(over.containers[0]!.exitCode).toBe(137);
    expect(Date.now() - before).toBeGreaterThan(9_000);
  });

  test("entrypoint and command replace the image's; workdir and user are as requested", async () => {
    const session = await create({
      image: "skein/debian:12",
      entrypoint: ["/bin/sh", "-c"],
      command: ['echo "$(pwd) $(id -u) $0"', "zero"],
      workdir: "/usr/share",
      user: "1000",
    });
    const over = await ended(session.id);
    expect(over.containers[0]).toMatchObject({ exitCode: 0, output: "/usr/share 1000 zero\n" });
  });

  test("without command and entrypoint a container idles until it is ended", async () => {
    const session = await running({ image: "skein/debian:12" });
    expect((await get(session.id)).status).toBe("running");
    const before = Date.now();
    await end(session);
    expect(Date.now() - before).toBeLessThan(8_000);
  });
});
