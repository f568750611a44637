/** The kit on a real engine: SSH between containers of any image and user, and the environment of its sessions. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { INSIDE } from "../agent/kit/layout.ts";
import type { Entry } from "../agent/ssh/place.ts";
import { useKitLab } from "./support/kit-lab.ts";
import { exec, KitSession, kitsh, untilOutput, type Wanted } from "./support/kit-session.ts";

const here = useKitLab();

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
    ["skein/debian:12", ""],
    ["skein/debian-user:12", ""],
    ["skein/debian:12", "4242"],
  ])("is the command's own in %s as user '%s'", async (image, user) => {
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
    expect(differing).toEqual([]);
    const added = Object.keys(ssh).filter((name) => !(name in command));
    const login = ["LOGNAME", "SHELL", "SSH_CLIENT", "SSH_CONNECTION", "USER"];
    const shells = ["PWD", "OLDPWD", "SHLVL", "_"];
    expect(added.filter((name) => !shells.includes(name)).sort()).toEqual(login);
  });
});
