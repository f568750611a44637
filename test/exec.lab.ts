/** Commands in containers of any image and user, on a real engine: streams, terminals, signals, starts. How they end is in exec-ends.lab.ts. */
import { createHash, randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { INSIDE } from "../agent/kit/layout.ts";
import { useKitLab } from "./support/kit-lab.ts";
import { kitsh, type Wanted } from "./support/kit-session.ts";
import { done, ended, StreamLab } from "./support/stream-lab.ts";

const here = useKitLab();

const ODD = {
  SPACES: " a  b ",
  TEXT: "one\ntwo\n",
  IFS: "x",
  "not.an-identifier": "kept",
  LD_PRELOAD: "/nonexistent/library.so",
};

const kinds: Wanted[] = [
  { host: "debian1", image: "skein/debian:12" },
  { host: "dev1", image: "skein/debian-user:12" },
  { host: "number1", image: "skein/debian:12", user: "4242" },
  { host: "busybox1", image: "skein/busybox:1" },
  { host: "empty1", image: "skein/empty:1" },
  { host: "empty2", image: "skein/empty:1", user: "77" },
  {
    host: "odd1",
    image: "skein/debian:12",
    env: Object.entries(ODD).map(([name, value]) => `${name}=${value}`),
  },
];
const hosts = kinds.map(({ host }) => host);
const TTY = { tty: { cols: 91, rows: 17 } };

let lab: StreamLab;
beforeAll(async () => {
  lab = await StreamLab.start(here, kinds);
});
afterAll(() => lab?.[Symbol.asyncDispose]());

/** Waits until a number stays the same. */
async function settled(count: () => number): Promise<number> {
  let last = -1;
  await vi.waitFor(
    () => {
      const before = last;
      last = count();
      expect(last).toBe(before);
    },
    { timeout: 20_000, interval: 300 },
  );
  return last;
}

describe.each(hosts)("a command in %s", (host) => {
  it("has separate streams and an exit code, and leaves nothing", async () => {
    const stream = lab.exec(host, kitsh("echo out; echo err >&2; exit 7"));
    expect(await ended(stream)).toEqual({ ...done(7), stdout: "out\n", stderr: "err\n" });
    await lab.untilClean(host);
  });

  it("reads its input to the end", async () => {
    const stream = lab.exec(host, kitsh("cat; echo over")).send("x\n").sendEnd();
    expect(await ended(stream)).toMatchObject({ ...done(0), stdout: "x\nover\n" });
  });

  it("has a terminal of the wanted size from its first moment", async () => {
    const stream = lab.exec(host, kitsh("stty size; echo $TERM; tty"), TTY);
    expect(await ended(stream)).toMatchObject({
      ...done(0),
      stdout: expect.stringMatching(/^17 91\r\nxterm-256color\r\n\/dev\//),
    });
  });

  it("gets signals together with its children, also right at its start", async () => {
    const stream = lab.exec(host, kitsh("sleep 1000 & sleep 1000; echo not reached"));
    await stream.until(({ said }) => said.includes("opened"));
    stream.control({ type: "signal", name: "TERM" });
    expect(await ended(stream)).toMatchObject({ ...done(143), stdout: "" });
    await lab.untilClean(host, /sleep 1000/);
  });

  it("ends when its client is lost", async () => {
    const stream = lab.exec(host, kitsh("trap 'exit 1' HUP; (echo up; exec sleep 1001) & wait"));
    await stream.untilOutput("up");
    stream.lose();
    expect((await stream.ended).code).toBe("client_gone");
    await lab.untilClean(host, /sleep 1001/);
  });

  it("is not found: 127, and not executable: 126, with a message", async () => {
    expect(await ended(lab.exec(host, ["no-such"]))).toMatchObject({
      ...done(127),
      stderr: expect.stringMatching(/^skein: cannot run "no-such": not found on the PATH/),
    });
    expect(await ended(lab.exec(host, ["/no/such"]))).toMatchObject({
      ...done(127),
      stderr: expect.stringContaining("no such file"),
    });
    expect(await ended(lab.exec(host, ["/etc/passwd"]))).toMatchObject({
      ...done(126),
      stderr: expect.stringContaining("not an executable file"),
    });
  });
});

describe("bytes", () => {
  it("arrive whole: 10 MB of output, and 10 MB in both directions", async () => {
    const stream = lab.exec("debian1", kitsh("head -c 10000000 /dev/zero | tr '\\0' x"));
    await stream.ended;
    expect([stream.counted[1], stream.said.at(-1)]).toEqual([10_000_000, "exit 0"]);

    const bytes = randomBytes(10_000_000);
    const both = lab.exec("debian1", ["cat"]);
    const hash = createHash("sha256");
    both.keeps = false;
    both.onPiece = (piece) => hash.update(piece);
    for (let at = 0; at < bytes.length; at += 65_536) both.send(bytes.subarray(at, at + 65_536));
    expect((await both.sendEnd().ended).code).toBe("done");
    expect(hash.digest("hex")).toBe(createHash("sha256").update(bytes).digest("hex"));
  });

  it("wait for a client that does not read", async () => {
    const stream = lab.exec("debian1", ["yes"]);
    stream.keeps = false;
    await stream.until(({ counted }) => counted[1] > 1e6);
    stream.hold(true);
    const { pid } = (await lab.processes("debian1")).find(({ line }) => line.endsWith("/yes"))!;
    const written = () => Number(/^wchar: (\d+)$/m.exec(readFileSync(`/proc/${pid}/io`, "utf8"))![1]);
    await settled(written);
    const held = stream.counted[1];
    stream.hold(false);
    await stream.until(({ counted }) => counted[1] > held + 1e6);
    stream.control({ type: "signal", name: "KILL" });
    expect(await ended(stream)).toMatchObject({ said: "opened, end, exit 137" });
  });

  it("wait for a command that does not read", async () => {
    const stream = lab.exec("debian1", ["sleep", "1000"]);
    for (let i = 0; i < 200; i++) stream.send(Buffer.alloc(65_536));
    expect(await settled(() => stream.waiting)).toBeGreaterThan(10 * 2 ** 20);
    stream.control({ type: "signal", name: "INT" });
    expect(await ended(stream)).toMatchObject(done(130));
  });
});

describe("a terminal", () => {
  it("tells a command of its new size", async () => {
    const stream = lab.exec(
      "debian1",
      kitsh("trap 'stty size; exit' WINCH; echo up; while :; do usleep 10000; done"),
      TTY,
    );
    await stream.untilOutput("up");
    stream.control({ type: "resize", cols: 132, rows: 43 });
    expect(await ended(stream)).toMatchObject({ ...done(0), stdout: "up\r\n43 132\r\n" });
  });

  it("takes Ctrl-C, Ctrl-D and all other keys as bytes", async () => {
    // The second line is from cat: while it starts cat, dash loses a SIGINT, in any terminal.
    const interrupted = lab.exec("debian1", ["sh", "-c", "cat; echo not reached"], TTY).send("up\n");
    await interrupted.untilOutput("up\r\nup\r\n");
    expect(await ended(interrupted.send("\x03"))).toMatchObject({
      ...done(130),
      stdout: "up\r\nup\r\n^C",
    });

    const finished = lab.exec("debian1", ["sh", "-c", "echo up; cat; echo over"], TTY);
    await finished.untilOutput("up");
    expect(await ended(finished.send("line\n\x04"))).toMatchObject({
      ...done(0),
      stdout: "up\r\nline\r\nline\r\nover\r\n",
    });

    // Engines wait for Ctrl-Q after it, unless they are told of other keys.
    const held = lab.exec("debian1", kitsh("stty raw; echo up; head -c 2 | od -An -tx1"), TTY);
    await held.untilOutput("up");
    held.send("\x10");
    expect(await ended(held.send("\x11"))).toMatchObject({
      ...done(0),
      stdout: expect.stringContaining("10 11"),
    });
  });

  it("stays open after the end of the client's input", async () => {
    const stream = lab.exec("debian1", ["sh"], TTY).send("sleep 0.3; ex''it 4\n").sendEnd();
    expect(await ended(stream)).toMatchObject(done(4));
  });

  it("hangs up when its client is lost: a shell's jobs end, too", async () => {
    const stream = lab
      .exec("debian1", ["bash", "-i"], TTY)
      .send("sleep 1002 &\nsleep 1003 & sl''eep 0.1; echo u''p; sleep 1004\n");
    await stream.untilOutput("up");
    stream.lose();
    await lab.untilClean("debian1", /sleep 100|bash -i/);
  });
});

describe("a start", () => {
  it("is refused where no command may run", async () => {
    lab.waiting.add("busybox1");
    expect(await lab.exec("busybox1", ["sh"]).ended).toEqual({
      code: "not_running",
      reason: "busybox1 is not running",
    });
    expect(await lab.exec("sub9", ["sh"]).ended).toMatchObject({ code: "not_running" });
    lab.waiting.delete("busybox1");
  });

  it("takes the engine's user and directory, or says why not", async () => {
    const stream = lab.exec("debian1", kitsh("id -u; pwd"), { user: "dev", workdir: "/tmp" });
    expect(await ended(stream)).toMatchObject({ ...done(0), stdout: "1000\n/tmp\n" });
    expect(await lab.exec("debian1", ["id"], { user: "nobody-here" }).ended).toEqual({
      code: "cannot_run",
      reason: "unable to find user nobody-here: no matching entries in passwd file",
    });
    expect(await lab.exec("debian1", ["id"], { workdir: "/nope", ...TTY }).ended).toMatchObject({
      code: "cannot_run",
      reason: expect.stringContaining("/nope"),
    });
    await lab.untilClean("debian1");
  });

  it("has the container's environment with the client's over it, exactly", async () => {
    const env = { ADDED: "a=b\n", SPACES: "other", TERM: "dumb" };
    const stream = lab.exec("odd1", [`${INSIDE.kit}/bin/busybox`, "cat", "/proc/self/environ"], {
      env,
      ...TTY,
    });
    await stream.ended;
    const found = Object.fromEntries(
      stream.stdout
        .replaceAll("\r\n", "\n")
        .split("\0")
        .filter((each) => each !== "")
        .map((each) => /^([^=]*)=(.*)$/s.exec(each)!.slice(1)),
    );
    const { HOSTNAME, HOME, PATH, BACKENDAI_CLUSTER_HOST, BACKENDAI_CLUSTER_HOSTS, ...rest } = found;
    expect(rest).toEqual({ ...ODD, ...env });
    expect([HOSTNAME, HOME, BACKENDAI_CLUSTER_HOST]).toEqual(["odd1", "/root", "odd1"]);
    expect(PATH).toContain(INSIDE.path);
    expect(BACKENDAI_CLUSTER_HOSTS).toBe(hosts.join(","));
  });

  it("may come 40 times at once", async () => {
    const streams = Array.from({ length: 40 }, (_, i) => lab.exec("dev1", kitsh(`echo ${i}; exit ${i}`)));
    const all = await Promise.all(streams.map(ended));
    expect(all).toEqual(streams.map((_, i) => ({ ...done(i), stdout: `${i}\n`, stderr: "" })));
    await lab.untilClean("dev1");
  });
});
