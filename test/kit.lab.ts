/** The kit on a real engine: SSH between containers of any image and user, the gate, signals and exit codes. */
import { join } from "node:path";
import type Docker from "dockerode";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { buildKit } from "../agent/kit/build.ts";
import { openGate } from "../agent/kit/gate.ts";
import { INSIDE } from "../agent/kit/layout.ts";
import { type ProofTarget, proveCommand, unproven } from "../agent/kit/prove.ts";
import type { Entry } from "../agent/ssh/place.ts";
import { type Lab, startLab } from "./lab/lab.ts";
import { exec, KitSession, type Place, type Wanted } from "./support/kit-session.ts";

let lab: Lab;
let here: Place;

beforeAll(async () => {
  // Built from the binaries that `./skein setup` has fetched: the lab reaches no registry.
  const kit = await buildKit(join(import.meta.dirname, "../.skein/kit"));
  lab = await startLab({ hosts: 1 });
  const { docker, dir } = lab.hosts[0]!;
  here = { docker, kit, dir };
});

afterAll(() => lab?.close());

const kitsh = (script: string) => [`${INSIDE.kit}/bin/sh`, "-c", script];

const passwd = (line: string): Entry => ({
  path: "/etc/passwd",
  type: "file",
  mode: 0o644,
  uid: 0,
  gid: 0,
  content: `root:x:0:0:root:/root:/bin/sh\n${line}\n`,
});

describe("SSH between containers", () => {
  const kinds: Wanted[] = [
    { host: "debian1", image: "skein/debian:12" },
    { host: "dev1", image: "skein/debian-user:12" },
    { host: "number1", image: "skein/debian:12", user: "4242" },
    { host: "number2", image: "skein/debian:12", user: "4242:4343" },
    { host: "nobody1", image: "skein/debian:12", user: "nobody" },
    { host: "busybox1", image: "skein/busybox:1" },
    { host: "empty1", image: "skein/empty:1" },
    { host: "empty2", image: "skein/empty:1", user: "77" },
    {
      host: "tmp1",
      image: "skein/busybox:1",
      user: "app",
      own: [
        passwd("app:x:500:500::/tmp:/bin/sh"),
        { path: "/tmp", type: "directory", mode: 0o1777, uid: 0, gid: 0 },
      ],
    },
    {
      host: "open1",
      image: "skein/busybox:1",
      user: "app:500",
      own: [
        passwd("app:x:500:100::/srv/app:/sbin/nologin"),
        { path: "/srv/app", type: "directory", mode: 0o775, uid: 500, gid: 0 },
      ],
    },
  ];
  let session: KitSession;

  beforeAll(async () => {
    session = await KitSession.start(here, kinds);
  });
  afterAll(() => session?.[Symbol.asyncDispose]());

  it("is proven while the commands wait at the gate", async () => {
    expect(await session.prove("debian1")).toEqual([]);
    const { Running } = (await session.of("debian1").container.inspect()).State;
    expect(Running).toBe(true);
  });

  it.each(kinds.map(({ host }) => host))(
    "works from %s to all, itself included, without a flag",
    async (from) => {
      const lines = kinds.map(
        ({ host }) =>
          `ssh -o BatchMode=yes -o StrictHostKeyChecking=yes ${host} 'echo $BACKENDAI_CLUSTER_HOST'`,
      );
      const { stdout, stderr } = await exec(session.of(from).container, kitsh(lines.join("\n")));
      expect({ stdout, stderr }).toEqual({
        stdout: `${kinds.map(({ host }) => host).join("\n")}\n`,
        stderr: "",
      });
    },
  );

  it("is served on port 2200 too, and by address", async () => {
    const { address } = session.of("empty1").peer;
    for (const to of ["-p 2200 empty1", `${address}`, `-p 2200 ${address}`]) {
      const said = await exec(session.of("debian1").container, kitsh(`ssh -o BatchMode=yes ${to} hostname`));
      expect(said, to).toEqual({ code: 0, stdout: "empty1\n", stderr: "" });
    }
  });

  it("takes 100 connections at once", async () => {
    const script = "seq 100 | xargs -P 100 -I{} ssh -o BatchMode=yes empty1 echo {} | sort -n | uniq | wc -l";
    for (const from of ["debian1", "empty1"]) {
      expect(await exec(session.of(from).container, kitsh(script))).toEqual({
        code: 0,
        stdout: "100\n",
        stderr: "",
      });
    }
  });

  it.each(["dev1", "empty1", "empty2"])(
    "passes bytes, exit codes and errors through unchanged at %s",
    async (to) => {
      const script = `
      head -c 300000 /dev/urandom > /dev/shm/sent
      ssh ${to} cat < /dev/shm/sent | cmp - /dev/shm/sent && echo same
      ssh ${to} 'echo to stderr >&2; exit 42' 2>/dev/shm/err; echo $?
      cat /dev/shm/err
      echo 'echo from stdin; exit 3' | ssh -T ${to} 2>/dev/null; echo $?
      ssh ${to} pwd`;
      const { home } = { home: { dev1: "/home/dev", empty1: "/root", empty2: "/home/u77" }[to]! };
      expect(await exec(session.of("debian1").container, kitsh(script))).toMatchObject({
        stdout: `same\n42\nto stderr\nfrom stdin\n3\n${home}\n`,
        stderr: "",
      });
    },
  );

  it.each(["debian1", "dev1", "empty1"])(
    "copies files from %s by scp in both ways, and by sftp",
    async (from) => {
      const script = `
      set -e
      cd /dev/shm
      head -c 400000 /dev/urandom > original
      for to in ${kinds.map(({ host }) => host).join(" ")}; do
        rm -rf back*
        scp -q -o BatchMode=yes original $to:/dev/shm/there1
        scp -q -O -o BatchMode=yes original $to:/dev/shm/there2
        scp -q -o BatchMode=yes $to:/dev/shm/there1 back1
        scp -q -O -o BatchMode=yes $to:/dev/shm/there2 back2
        echo 'get /dev/shm/there1 back3' | sftp -q -b - $to >/dev/null
        for n in 1 2 3; do cmp original back$n; done
        ssh $to rm /dev/shm/there1 /dev/shm/there2
      done
      echo done`;
      expect(await exec(session.of(from).container, kitsh(script))).toEqual({
        code: 0,
        stdout: "done\n",
        stderr: "",
      });
    },
  );

  it("carries rsync between images that have it", async () => {
    const script =
      "mkdir -p /dev/shm/tree && hostname > /dev/shm/tree/file && rsync -a /dev/shm/tree dev1:/dev/shm/ && ssh dev1 cat /dev/shm/tree/file";
    expect(await exec(session.of("debian1").container, kitsh(script))).toMatchObject({ stdout: "debian1\n" });
  });

  it.each(kinds.map(({ host }) => host))(
    "gives a terminal and a login shell at %s, in which Ctrl-C works",
    async (to) => {
      // The client needs a terminal as well.
      const program = String.raw`
import os, sys, time, select
pid, fd = os.forkpty()
if pid == 0:
    os.environ["TERM"] = "xterm-256color"
    os.execvp("ssh", ["ssh", "-o", "BatchMode=yes", "${to}"])
seen = b""
def until(mark):
    global seen
    while mark not in seen:
        if not select.select([fd], [], [], 20)[0]: print("TIMEOUT", seen); sys.exit(9)
        try: seen += os.read(fd, 4096)
        except OSError: break
def say(text, mark):
    os.write(fd, text); until(mark)
say(b"echo rea''dy\n", b"ready")
os.write(fd, b"echo sle''eps; sleep 100\n"); until(b"sleeps\r\n")
time.sleep(0.2)
say(b"\x03", b"^C")
say(b"echo t=$TERM; te''st -t 0 && echo is''tty\n", b"istty")
os.write(fd, b"exit 5\n")
try:
    while os.read(fd, 4096): pass
except OSError: pass
print(b"t=xterm-256color" in seen, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
`;
      expect(await exec(session.of("debian1").container, ["python3", "-c", program])).toEqual({
        code: 0,
        stdout: "True 5\n",
        stderr: "",
      });
    },
  );

  it("supplies ssh, scp and sftp only where the image has none", async () => {
    const where = async (host: string) =>
      (await exec(session.of(host).container, kitsh("which ssh scp sftp"))).stdout.trim().split("\n");
    expect(await where("debian1")).toEqual(["/usr/bin/ssh", "/usr/bin/scp", "/usr/bin/sftp"]);
    expect(await where("empty1")).toEqual(["ssh", "scp", "sftp"].map((name) => `${INSIDE.path}/${name}`));
  });

  it("forwards ports, and jumps over a host", async () => {
    const said = await exec(
      session.of("debian1").container,
      kitsh("ssh -o BatchMode=yes -J dev1 empty1 hostname"),
    );
    expect(said).toMatchObject({ code: 0, stdout: "empty1\n" });
  });
});

describe("the environment of an SSH session", () => {
  const odd = {
    SPACES: " a  b ",
    QUOTES: `it's "quoted" \\ $HOME \`x\` *`,
    LINES: "one\ntwo\n",
    EMPTY: "",
    EQUALS: "a=b=c",
    "not.an-identifier": "kept",
    ЯЗЫК: "ж",
    LD_PRELOAD: "/nonexistent/library.so",
    LD_LIBRARY_PATH: "/usr/lib/x86_64-linux-gnu",
  };

  it.each([
    ["skein/debian:12", "", []],
    ["skein/debian-user:12", "", []],
    // Its shell is dash, which passes on only variables with valid names.
    ["skein/debian:12", "4242", ["not.an-identifier", "ЯЗЫК"]],
  ])("is the command's own in %s as user '%s'", async (image, user, lost) => {
    const env = Object.entries(odd).map(([name, value]) => `${name}=${value}`);
    const keep = `
import signal
open("/dev/shm/environ", "wb").write(open("/proc/self/environ", "rb").read())
print("up", flush=True)
signal.pause()`;
    await using session = await KitSession.start(here, [
      { host: "main1", image, user, env, argv: ["python3", "-c", keep] },
      { host: "sub1", image: "skein/empty:1" },
    ]);
    await session.openGates();
    const { container } = session.of("main1");
    await untilOutput(container, "up\n");
    const environ = async (argv: string[]) => {
      const variables = (await exec(container, argv)).stdout.split("\0").filter((each) => each !== "");
      return Object.fromEntries(variables.map((each) => /^([^=]*)=(.*)$/s.exec(each)!.slice(1)));
    };
    const command = await environ(["cat", "/dev/shm/environ"]);
    const ssh = await environ(["ssh", "-o", "BatchMode=yes", "main1", "cat /proc/self/environ"]);
    expect(command).toMatchObject(odd);
    const differing = Object.keys(command).filter((name) => command[name] !== ssh[name]);
    expect(differing.sort()).toEqual(lost);
    const added = Object.keys(ssh).filter((name) => !(name in command));
    const login = ["LOGNAME", "SHELL", "SSH_CLIENT", "SSH_CONNECTION", "USER"];
    const shells = ["PWD", "OLDPWD", "SHLVL", "_"];
    expect(added.filter((name) => !shells.includes(name)).sort()).toEqual(login);
  });
});

describe("the command", () => {
  it("waits at the gate, and then may use ssh as its first action", async () => {
    await using session = await KitSession.start(here, [
      { host: "main1", image: "skein/empty:1", argv: ["ssh", "sub1", "hostname"] },
      { host: "sub1", image: "skein/busybox:1" },
    ]);
    expect(await session.prove("sub1")).toEqual([]);
    const { container } = session.of("main1");
    expect((await container.inspect()).State.Running).toBe(true);
    await session.openGates();
    expect((await container.wait()).StatusCode).toBe(0);
    expect(await output(container)).toBe("sub1\n");
  });

  it.each([
    ["its own code", ["sh", "-c", "exit 3"], 3, /^$/],
    ["127 if it is missing", ["no-such-command"], 127, /cannot run "no-such-command": not found on the PATH/],
    ["127 if its path does not exist", ["/no/such"], 127, /cannot run "\/no\/such": no such file/],
    ["126 if it cannot be run", ["/etc/passwd"], 126, /cannot run "\/etc\/passwd": not an executable file/],
  ])("ends with %s", async (_, argv, code, said) => {
    await using session = await KitSession.start(here, [{ host: "main1", image: "skein/debian:12", argv }]);
    await session.openGates();
    const { container } = session.of("main1");
    expect((await container.wait()).StatusCode).toBe(code);
    expect(await output(container)).toMatch(said);
  });

  it("gets SIGTERM, and only its own children", async () => {
    const program = `
import os, signal, sys
signal.signal(signal.SIGTERM, lambda *_: (print("asked to end", flush=True), sys.exit(7)))
try: os.waitpid(-1, 0)
except ChildProcessError: print("no children", signal.getsignal(signal.SIGINT) is not signal.SIG_IGN, flush=True)
signal.pause()
`;
    await using session = await KitSession.start(here, [
      { host: "main1", image: "skein/debian:12", argv: ["python3", "-c", program] },
    ]);
    await session.openGates();
    const { container } = session.of("main1");
    await untilOutput(container, "no children True");
    await container.kill({ signal: "SIGTERM" });
    expect((await container.wait()).StatusCode).toBe(7);
    expect(await output(container)).toBe("no children True\nasked to end\n");
  });

  it.each([true, false])("that idles ends at once with SIGTERM (gate open: %s)", async (open) => {
    await using session = await KitSession.start(here, [{ host: "main1", image: "skein/empty:1" }]);
    if (open) await session.openGates();
    const { container } = session.of("main1");
    const began = performance.now();
    await container.stop({ t: 10 });
    expect(performance.now() - began).toBeLessThan(3_000);
    expect((await container.inspect()).State.ExitCode).toBe(143);
  });

  it("starts again without a new gate", async () => {
    await using session = await KitSession.start(here, [
      { host: "main1", image: "skein/busybox:1", argv: ["echo", "ran"] },
    ]);
    const { container, selfDir } = session.of("main1");
    await session.openGates();
    await openGate(selfDir);
    await container.wait();
    await container.start();
    await container.wait();
    expect(await output(container)).toBe("ran\nran\n");
  });
});

describe("the proof", () => {
  it("says which host failed and why", async () => {
    await using session = await KitSession.start(here, [
      { host: "main1", image: "skein/debian:12" },
      { host: "sub1", image: "skein/busybox:1" },
    ]);
    const { container } = session.of("main1");
    await exec(container, ["sed", "-i", "s/^sub1 .*/sub1 ssh-ed25519 AAAA/", "/root/.ssh/known_hosts"]);
    expect(await session.prove("main1")).toEqual([
      { way: "ssh", host: "sub1", user: "root", reason: "Host key verification failed." },
    ]);
    const itself: ProofTarget = { way: "ssh", host: "main1", user: "root" };
    expect((await exec(container, proveCommand([itself], 1, 1500))).code).toBe(0);
  });

  it("waits until the container that it runs in has unpacked the known hosts", async () => {
    await using session = await KitSession.start(here, [
      { host: "main1", image: "skein/debian:12" },
      { host: "sub1", image: "skein/busybox:1" },
    ]);
    const { container } = session.of("main1");
    await exec(container, kitsh("mv /root/.ssh/known_hosts /aside; rm /.skein/placed"));
    const proof = session.prove("main1");
    const running = kitsh("cat /proc/[0-9]*/cmdline | tr '\\0' ' ' | grep -q '[k]it/prove 10'");
    await vi.waitFor(async () => expect((await exec(container, running)).code).toBe(0), 10_000);
    await exec(container, kitsh("mv /aside /root/.ssh/known_hosts; : >/.skein/placed"));
    expect(await proof).toEqual([]);
  });

  it("fails if a name is missing, or no server listens in time", async () => {
    await using session = await KitSession.start(here, [
      { host: "main1", image: "skein/debian:12" },
      { host: "sub1", image: "skein/busybox:1" },
    ]);
    await exec(session.of("sub1").container, kitsh("grep -v main1 /etc/hosts > /h; cat /h > /etc/hosts"));
    const targets: ProofTarget[] = [
      { way: "ssh", host: "sub1", user: "root" },
      { way: "ssh", host: "127.0.0.9", user: "root" },
      { way: "ping", host: "10.64.250.250", user: "root" },
    ];
    const { code, stdout } = await exec(session.of("main1").container, proveCommand(targets, 1, 1500));
    expect(code).not.toBe(0);
    expect(unproven(targets, stdout)).toMatchObject([
      { way: "ssh", host: "sub1", reason: "main1 is not in /etc/hosts" },
      { way: "ssh", host: "127.0.0.9", reason: expect.stringMatching(/./) },
      { way: "ping", host: "10.64.250.250", reason: expect.stringMatching(/10\.64\.250\.250/) },
    ]);
  });

  it("reports it if packets of full size are lost on the way, and smaller ones are not", async () => {
    await using session = await KitSession.start(here, [
      { host: "main1", image: "skein/debian:12" },
      { host: "sub1", image: "skein/busybox:1" },
    ]);
    const machine = lab.hosts[0]!;
    const lossy =
      "table bridge lossy { chain f { type filter hook forward priority 0; ip length > 1400 drop; }; }";
    await machine.exec(["nft", lossy]);
    try {
      const target: ProofTarget = { way: "ping", host: "sub1", user: "root" };
      const prove = async (mtu: number) =>
        unproven(
          [target],
          (await exec(session.of("main1").container, proveCommand([target], 2, mtu))).stdout,
        );
      expect(await prove(1500)).toEqual([{ ...target, reason: "smaller packets arrive" }]);
      expect(await prove(1400)).toEqual([]);
    } finally {
      await machine.exec(["nft", "delete", "table", "bridge", "lossy"]);
    }
  });

  it.each([
    ["a user that may open a ping socket", {}, 0],
    ["a user that may not: by a login", { "net.ipv4.ping_group_range": "1 0" }, 1],
  ])("exchanges packets as %s", async (_, sysctls, logins) => {
    await using session = await KitSession.start(
      here,
      [
        { host: "main1", image: "skein/debian:12", user: "4242" },
        { host: "sub1", image: "skein/busybox:1" },
      ],
      sysctls,
    );
    const target: ProofTarget = { way: "ping", host: "sub1", user: "root" };
    const machine = lab.hosts[0]!;
    const syn = "tcp dport 22 tcp flags & (syn | ack) == syn counter";
    await machine.exec([
      "nft",
      `table bridge logins { chain f { type filter hook forward priority 0; ${syn}; }; }`,
    ]);
    try {
      const { code, stdout } = await exec(session.of("main1").container, proveCommand([target], 10, 1500));
      expect({ code, stdout }).toEqual({ code: 0, stdout: "ping sub1 ok\n" });
      const counted = (await machine.exec(["nft", "list", "table", "bridge", "logins"])).stdout;
      expect(Number(/packets (\d+)/.exec(counted)![1])).toBe(logins);
    } finally {
      await machine.exec(["nft", "delete", "table", "bridge", "logins"]);
    }
  });
});

async function output(container: Docker.Container): Promise<string> {
  const logs = (await container.logs({ stdout: true, stderr: true, follow: false })) as unknown as Buffer;
  const texts: string[] = [];
  for (let at = 0; at < logs.length; at += 8 + logs.readUInt32BE(at + 4)) {
    texts.push(logs.subarray(at + 8, at + 8 + logs.readUInt32BE(at + 4)).toString());
  }
  return texts.join("");
}

/** Waits for this output of the container. */
async function untilOutput(container: Docker.Container, expected: string): Promise<void> {
  await vi.waitFor(async () => expect(await output(container)).toContain(expected), {
    timeout: 20_000,
    interval: 50,
  });
}
