/** `skein run … -- COMMAND`: a job, whose output and exit code are the command's, and of which nothing is left but its logs. */
import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { skein, start } from "./cli.ts";
import { cluster, containerOf, dockerOf, ended, get } from "./skein.ts";

const BUSYBOX = ["--image", "skein/busybox:1"];

function job(command: readonly string[], ...options: string[]): string[] {
  return ["run", ...BUSYBOX, ...options, "--", ...command];
}

async function expectNothingLeft(): Promise<void> {
  const { leftovers } = await cluster();
  expect(await leftovers()).toEqual([]);
}

/** Does not wait until the agent loses its patience. */
async function killMain(id: string): Promise<void> {
  const session = await get(id);
  const docker = await dockerOf(session, "main1");
  await docker.getContainer(containerOf(session, "main1").containerId!).kill();
}

/** Ends the API and all agents without a warning, and starts them again. */
async function killEverything(): Promise<void> {
  const { api, agents } = await cluster();
  await Promise.all([api, ...agents].map((each) => each.kill("SIGKILL")));
  await Promise.all([api, ...agents].map((each) => each.start()));
}

describe("a job on four containers", () => {
  test("prints what main1 prints, exits with its code, and leaves nothing", async () => {
    const script = "echo $BACKENDAI_CLUSTER_HOST; exit 3";
    const four = ["--size", "4", "--mode", "multi-node", "--name", "four"];
    const { code, stdout } = await skein(job(["sh", "-c", script], ...four));
    expect([stdout.toString(), code]).toEqual(["main1\n", 3]);
    await expectNothingLeft();
  });

  test("with --each prints all of them with prefixes, and exits with main1's code", async () => {
    const script =
      'echo "out of $BACKENDAI_CLUSTER_HOST"; echo "err of $BACKENDAI_CLUSTER_HOST" >&2; ' +
      "[ $BACKENDAI_CLUSTER_HOST != main1 ] || { sleep 2; exit 5; }";
    const each = ["--each", "--size", "4", "--mode", "multi-node", "--name", "each"];
    const { code, stdout, stderr } = await skein(job(["sh", "-c", script], ...each));
    expect(code).toBe(5);
    const hosts = ["main1", "sub1", "sub2", "sub3"];
    const prefixed = (what: string) => hosts.map((host) => `${host.padEnd(5)} | ${what} of ${host}`);
    expect(stdout.toString().trimEnd().split("\n").sort()).toEqual(prefixed("out"));
    expect(
      stderr
        .split("\n")
        .filter((line) => line.includes(" | err of "))
        .sort(),
    ).toEqual(prefixed("err"));
    await expectNothingLeft();
  });

  test("can be read after its end, and after API and agents were killed", async () => {
    const expectLogs = async () => {
      const four = await skein(["logs", "four"]);
      expect([four.stdout.toString(), four.stderr, four.code]).toEqual(["main1 | main1\n", "", 0]);
      for (const host of ["main1", "sub1", "sub2", "sub3"]) {
        const { code, stdout, stderr } = await skein(["logs", "each", host]);
        expect([stdout.toString(), stderr, code]).toEqual([`out of ${host}\n`, `err of ${host}\n`, 0]);
      }
    };
    await expectLogs();
    await killEverything();
    await expectLogs();
  });
});

describe("a job's output", () => {
  const size = 20 * 1024 * 1024;

  test.each([
    ["any bytes", "cat"],
    ["long text", "base64"],
  ])("is the command's, byte by byte: 20 MB of %s", async (_, encode) => {
    const script = `head -c ${size} /dev/urandom | ${encode} >/tmp/all; sha256sum </tmp/all >&2; cat /tmp/all`;
    const { code, stdout, stderr } = await skein(job(["sh", "-c", script]));
    expect(code).toBe(0);
    expect(stdout.length).toBeGreaterThanOrEqual(size);
    expect(stderr).toContain(createHash("sha256").update(stdout).digest("hex"));
  });

  test("keeps stdout and stderr apart, and adds no newline to a last line without one", async () => {
    const script = "echo first; printf out; echo wrong >&2; printf err >&2";
    const { code, stdout, stderr } = await skein(job(["sh", "-c", script]));
    expect([stdout.toString(), code]).toEqual(["first\nout", 0]);
    // Progress stands on lines of its own.
    expect(stderr.split("\n").filter((line) => !line.includes(" is "))).toEqual(["wrong", "err", ""]);
  });

  test("comes while the command runs; stdin is not the command's", async () => {
    const run = await start(
      job(["sh", "-c", "cat; echo up; until [ -e /tmp/go ]; do sleep 0.1; done", "x"], "--name", "live"),
    );
    run.type("not for the command\n");
    await expect.poll(() => run.stdout().toString(), { timeout: 60_000 }).toBe("up\n");
    const session = await get("live");
    expect(session.status).toBe("running");
    run.signal("SIGINT");
    expect((await run.ended).code).toBe(130);
  });
});

describe("a job that cannot run", () => {
  test.each([
    ["an image that is nowhere", ["run", "--image", "skein/none:1", "--", "true"], "skein/none:1"],
    ["a user that the image lacks", job(["true"], "--user", "nobody-knows"), "nobody-knows"],
  ])("exits with 1 and the reason: %s", async (_, args, reason) => {
    const { code, stdout, stderr } = await skein(args);
    expect([stdout.toString(), code]).toEqual(["", 1]);
    expect(stderr).toContain(reason);
    await expectNothingLeft();
  });

  test("exits as a shell does where there is no such command", async () => {
    const { code, stdout, stderr } = await skein(job(["/no/such/command"]));
    expect([stdout.toString(), code]).toEqual(["", 127]);
    expect(stderr).toContain("/no/such/command");
  });
});

describe("a job that is ended from outside", () => {
  const patient = "trap 'echo bye; exit 0' TERM; echo up; while :; do sleep 0.1; done";
  const stubborn = "trap '' TERM; echo up; while :; do sleep 0.1; done";

  async function up(script: string, ...options: string[]) {
    const run = await start(job(["sh", "-c", script], ...options));
    await expect.poll(() => run.stdout().toString(), { timeout: 60_000 }).toBe("up\n");
    return run;
  }

  test("by the first Ctrl-C: prints all until its end, exits with 130, and leaves nothing", async () => {
    const run = await up(patient, "--size", "3", "--mode", "multi-node");
    run.signal("SIGINT");
    const { code, stdout } = await run.ended;
    expect([stdout.toString(), code]).toEqual(["up\nbye\n", 130]);
    await expectNothingLeft();
  });

  test("by a second Ctrl-C: is left at once, and ends by itself", async () => {
    const run = await up(stubborn, "--name", "stubborn");
    run.signal("SIGINT");
    await expect.poll(run.stderr).toContain("ending stubborn");
    const before = Date.now();
    run.signal("SIGINT");
    expect((await run.ended).code).toBe(130);
    expect(Date.now() - before).toBeLessThan(1_000);
    const { id, status } = await get("stubborn");
    expect(status).toBe("terminating");
    await killMain(id);
    await ended(id);
    await expectNothingLeft();
  });

  test("by its maxDuration: exits with 1 and says so", async () => {
    const run = await up(patient, "--max-duration", "1s");
    const { code, stderr } = await run.ended;
    expect(code).toBe(1);
    expect(stderr).toMatch(/has run for 1 s, its maxDuration/);
    await expectNothingLeft();
  });

  test("by a reader that wants no more: ends", async () => {
    const run = await start(job(["sh", "-c", "while echo line; do sleep 0.1; done"], "--name", "unread"));
    await expect.poll(() => run.stdout().toString(), { timeout: 60_000 }).toContain("line\n");
    run.closeOutput();
    expect((await run.ended).code).toBe(0);
    expect((await ended((await get("unread")).id)).status).toBe("terminated");
    await expectNothingLeft();
  });

  test("by rm: prints all until its end, says who ended it, and exits with the command's code", async () => {
    const run = await up(patient, "--name", "removed");
    expect((await skein(["rm", "removed"])).code).toBe(0);
    const { code, stdout } = await run.ended;
    expect([stdout.toString(), code]).toEqual(["up\nbye\n", 0]);
  });
});

describe("a job in the background", () => {
  test("with --detach returns at once; wait tells how it ended", async () => {
    const detached = await skein(
      job(["sh", "-c", "sleep 2; exit 0"], "--detach", "--name", "behind", "--json"),
    );
    expect(detached.code).toBe(0);
    const { id, status } = JSON.parse(detached.stdout.toString());
    expect(["pending", "preparing"]).toContain(status);
    const runs = await skein(["wait", "behind", "--for", "running"]);
    expect([runs.stdout.toString(), runs.code]).toEqual(["running\n", 0]);
    const over = await skein(["wait", "behind"]);
    expect([over.stdout.toString(), over.code]).toEqual(["terminated\n", 0]);
    expect((await get(id)).status).toBe("terminated");
  });

  test("wait exits with 1 and the reason where it failed", async () => {
    const { code } = await skein(job(["sh", "-c", "exit 4"], "--detach", "--name", "fails"));
    expect(code).toBe(0);
    const over = await skein(["wait", "fails"]);
    expect([over.stdout.toString(), over.code]).toEqual(["failed\n", 1]);
    expect(over.stderr).toMatch(/main1 on \S+ ended with exit code 4/);
  });
});
