/** How commands end: by themselves, with their container, and when their client or the agent is lost. */
import { spawn } from "node:child_process";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ExecStart, type Open } from "../shared/streams/stream-messages.ts";
import { useKitLab } from "./support/kit-lab.ts";
import { kitsh } from "./support/kit-session.ts";
import { done, ended, StreamLab } from "./support/stream-lab.ts";
import { streamsProcess } from "./support/streams-process.ts";

const here = useKitLab();
const TTY = { tty: { cols: 91, rows: 17 } };

let lab: StreamLab;
beforeAll(async () => {
  lab = await StreamLab.start(here, [{ host: "debian1", image: "skein/debian:12" }]);
});
afterAll(() => lab?.[Symbol.asyncDispose]());

describe("a lost client", () => {
  it("ends a command that ignores SIGHUP 10 s later, and the children that it left", async () => {
    const stubborn = lab.exec(
      "debian1",
      kitsh("trap '' HUP; sleep 1005 & echo up; while :; do sleep 1006; done"),
    );
    const leaving = lab.exec(
      "debian1",
      kitsh("trap '' HUP; sleep 1007 & trap 'exit 0' HUP; echo up; while :; do usleep 50000; done"),
    );
    await Promise.all([stubborn.untilOutput("up"), leaving.untilOutput("up")]);
    stubborn.lose();
    leaving.lose();
    const before = performance.now();
    await lab.untilClean("debian1", /sleep 100|usleep/);
    expect(performance.now() - before).toBeGreaterThan(9_000);
  });

  it("is noticed while the command is being started", async () => {
    const stream = lab.exec("debian1", kitsh("sleep 1008"));
    stream.lose();
    expect((await stream.ended).code).toBe("client_gone");
    await lab.untilClean("debian1", /sleep 1008/);
  });

  // containerd gets into trouble by itself where they all end at the same time.
  it("may leave 100 commands, and the next ones start as soon as ever", async () => {
    const left = Array.from({ length: 100 }, () => lab.exec("debian1", kitsh("echo up; sleep 1011")));
    await Promise.all(left.map((stream) => stream.untilOutput("up")));
    for (const stream of left) stream.lose();
    const before = performance.now();
    const next = Array.from({ length: 8 }, (_, i) => lab.exec("debian1", kitsh(`exit ${i}`)));
    expect((await Promise.all(next.map(ended))).map(({ said }) => said)).toEqual(
      next.map((_, i) => done(i).said),
    );
    expect(performance.now() - before).toBeLessThan(8_000);
    await lab.untilClean("debian1", /sleep 1011/);
  }, 60_000);
});

it("an agent that is killed leaves no command, no connection and no socket", async () => {
  const exec = (command: string[]): Open => ({
    ...{ type: "open", kind: "exec", window: 1, host: "debian1" },
    start: ExecStart.parse({ type: "start", command, ...TTY }),
  });
  const opens: Open[] = [
    exec(["sleep", "1010"]),
    exec(["bash", "-i"]),
    // Its SSH server waits for the client's first words.
    { type: "open", kind: "port", window: 1, host: "debian1", port: 22 },
  ];
  const given = { dockerSocket: here.machine.dockerSocket, container: lab.enterable("debian1")!, opens };
  const agent = spawn(process.execPath, streamsProcess(given), { stdio: ["ignore", "pipe", "inherit"] });
  let said = "";
  for await (const bytes of agent.stdout) {
    said += bytes;
    if (said === "open\nopen\nopen\n") break;
  }
  expect((await lab.processes("debian1")).map(({ line }) => line).join()).toMatch(/sleep 1010.*forward/);
  agent.kill("SIGKILL");
  await lab.untilClean("debian1", /sleep 1010|bash -i/);
});

describe("an end", () => {
  it("does not wait for children that keep the output open", async () => {
    const stream = lab.exec("debian1", kitsh("sleep 1009 & echo hi; exit 3"));
    expect(await ended(stream)).toMatchObject({ ...done(3), stdout: "hi\n" });
    // As with `docker exec`, what a command leaves on purpose stays.
    expect((await lab.processes("debian1")).map(({ line }) => line).join()).toContain("sleep 1009");
    await ended(lab.exec("debian1", ["pkill", "-f", "sleep 1009"]));
  });

  it("has the code of a command that closed its output before", async () => {
    const stream = lab.exec("debian1", kitsh("exec >&- 2>&-; sleep 1; exit 5"));
    expect(await ended(stream)).toMatchObject(done(5));
  });

  it("comes with its container's", async () => {
    await using other = await StreamLab.start(here, [{ host: "main1", image: "skein/busybox:1" }]);
    const stream = other.exec("main1", kitsh("echo up; sleep 1000"));
    await stream.untilOutput("up");
    await other.session.of("main1").container.kill();
    expect(await ended(stream)).toMatchObject({ code: "not_running", reason: "main1 is not running" });
    expect(await other.exec("main1", ["sh"]).ended).toMatchObject({ code: "not_running" });
  });
});
