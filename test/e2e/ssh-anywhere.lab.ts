/** SSH from anywhere: the user's own ssh, scp, sftp and rsync into containers, through the API, with strict host key checking. */
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import type { SessionView } from "../../shared/session/session-schemas.ts";
import type { Agent } from "../lab/cluster.ts";
import { Laptop, type Ran } from "./laptop.ts";
import { cluster, containerOf, end, get, request, sh } from "./skein.ts";

/** What a user may wait for word of a fault. */
const WORD_MS = 30_000;
const FILES = 3000;
/** Each in its place: root, a user, and an image with nothing in it. The last comes back when it ends. */
const REQUEST = `
name: anywhere
clusterMode: multi-node
roles:
  - {name: main, replicas: 1, image: "skein/debian:12"}
  - {name: dev, replicas: 1, image: "skein/debian-user:12"}
  - {name: bare, replicas: 1, image: "skein/empty:1"}
  - name: comes
    replicas: 1
    image: "skein/debian:12"
    onExit: restart
    command: ["sh", "-c", "until [ -e /tmp/end ]; do sleep 0.1; done; rm /tmp/end; exit 3"]
`;

let laptop: Laptop;
let session: SessionView;
let agent: Agent;
/** The keys that had been let in before `skein ssh` or `ssh-config` was ever called. */
let letInByRun: string;

beforeAll(async () => {
  laptop = await Laptop.of();
  writeFileSync(laptop.path("cluster.yaml"), REQUEST);
  const { code, stderr } = await laptop.skein(["run", "-f", "cluster.yaml"]);
  expect(code, stderr).toBe(0);
  session = await get("anywhere");
  letInByRun = await sh(session, "dev1", "cat /.skein/self/authorized_keys");
  const { agents } = await cluster();
  agent = agents.find(({ name }) => name === containerOf(session, "main1").node)!;
  const block = await laptop.skein(["ssh-config", "anywhere"]);
  expect([block.code, block.stderr]).toEqual([0, ""]);
  mkdirSync(laptop.path(".ssh"), { mode: 0o700 });
  writeFileSync(laptop.path("config"), block.stdout);
});

afterAll(async () => {
  await end(session);
  laptop.close();
  const { leftovers } = await cluster();
  expect(await leftovers()).toEqual([]);
});

// OpenSSH takes the home of passwd(5), not of HOME: it would read the machine's own user's settings.
const config = () => ["-F", laptop.path("config")];
const alias = (host: string) => `${host}.anywhere.skein`;
const ssh = (...args: string[]) => laptop.run(["ssh", ...config(), ...args]);

async function fine(ran: Promise<Ran>): Promise<string> {
  const { code, stdout, stderr } = await ran;
  expect(code, stdout + stderr).toBe(0);
  return stdout;
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

/** Connects as soon as somebody listens. */
async function connected(where: { port: number } | { path: string }): Promise<Socket> {
  let socket: Socket | undefined;
  await expect
    .poll(
      async () => {
        socket = connect(where as never);
        return await Promise.race([
          once(socket, "connect").then(() => "stands"),
          once(socket, "error"),
        ]).catch((error: NodeJS.ErrnoException) => error.code);
      },
      { timeout: 20_000 },
    )
    .toBe("stands");
  return socket!;
}

test("run has sent the key that it made, since this user had none", () => {
  expect(letInByRun).toBe(readFileSync(laptop.path(".config/skein/ssh/id_ed25519.pub"), "utf8"));
});

describe("OpenSSH with the printed settings", () => {
  test("logs in to each container as its user, with its environment, and gives the command's exit code", async () => {
    for (const [host, user] of Object.entries({ main1: "root", dev1: "dev", bare1: "root" })) {
      const script = 'echo "$USER $BACKENDAI_CLUSTER_HOST"; exit 7';
      expect(await ssh(alias(host), script)).toEqual({ code: 7, stdout: `${user} ${host}\n`, stderr: "" });
    }
  });

  test("scp and sftp carry a file there and back", async () => {
    const bytes = Buffer.alloc(8 * 2 ** 20, "every byte of it ");
    writeFileSync(laptop.path("there"), bytes);
    await fine(laptop.run(["scp", ...config(), "there", `${alias("dev1")}:there`]));
    await fine(laptop.run(["scp", ...config(), `${alias("dev1")}:there`, "back"]));
    expect(readFileSync(laptop.path("back")).equals(bytes)).toBe(true);
    await fine(
      laptop.run(["sftp", ...config(), "-b", "-", alias("bare1")], "put there /tmp/there\nls -l /tmp\n"),
    );
  });

  test(`rsync carries ${FILES} files there and back`, async () => {
    mkdirSync(laptop.path("tree"));
    for (let i = 0; i < FILES; i++) writeFileSync(laptop.path("tree", `${i}`), `file ${i}\n`);
    const rsync = (...args: string[]) =>
      laptop.run(["rsync", "-a", "-e", `ssh ${config().join(" ")}`, ...args]);
    await fine(rsync("tree", `${alias("main1")}:/srv/`));
    expect(await sh(session, "main1", "ls /srv/tree | wc -l; cat /srv/tree/2999")).toBe(
      `${FILES}\nfile 2999\n`,
    );
    await fine(rsync(`${alias("main1")}:/srv/tree/`, "copy"));
    expect(readdirSync(laptop.path("copy"))).toHaveLength(FILES);
  });

  test("ssh -L forwards a port", async () => {
    const port = await freePort();
    const forward = laptop.start(["ssh", ...config(), "-N", "-L", `${port}:${ECHO}`, alias("dev1")]);
    onTestFinished(() => void forward.kill());
    await serveEcho("dev1");
    expect(await echoed({ port })).toBe("through the port");
  });

  test("what VS Code does: a script on stdin with a SOCKS proxy, then a forwarded Unix socket", async () => {
    const port = await freePort();
    const script = `
      rm -f /tmp/code.sock
      python3 -c '${echoServer('socket.AF_UNIX, "/tmp/code.sock"')}' >/dev/null 2>&1 &
      until [ -S /tmp/code.sock ]; do sleep 0.05; done
      echo "listening as $(whoami) on $(hostname)"
      sleep 600
    `;
    const first = laptop.start(["ssh", ...config(), "-T", "-D", `${port}`, alias("dev1"), "bash"]);
    onTestFinished(() => void first.kill());
    first.stdin!.end(script);
    const [line] = await once(first.stdout!, "data");
    expect(String(line)).toBe("listening as dev on dev1\n");
    await serveEcho("dev1");
    expect(await echoed({ port }, Number(ECHO.split(":")[1]))).toBe("through the port");

    const path = laptop.path("code.sock");
    const second = laptop.start(["ssh", ...config(), "-N", "-L", `${path}:/tmp/code.sock`, alias("dev1")]);
    onTestFinished(() => void second.kill());
    expect(await echoed({ path })).toBe("through the port");
  });

  test("refuses another host key, and a stranger's key is refused", async () => {
    const mine = readFileSync(laptop.path("config"), "utf8");
    const file = /UserKnownHostsFile "(.*)"/.exec(mine)![1]!;
    expect(file.startsWith(laptop.path(".config/skein/ssh/"))).toBe(true);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const [main, dev] = ["main1", "dev1"].map((host) => containerOf(session, host).ssh!.hostKey);
    writeFileSync(laptop.path("hosts"), readFileSync(file, "utf8").replace(main!, dev!));
    const other = await ssh("-o", `UserKnownHostsFile ${laptop.path("hosts")}`, alias("main1"), "true");
    expect([other.code, other.stderr]).toEqual([
      255,
      expect.stringContaining("Host key verification failed"),
    ]);

    await fine(laptop.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "stranger"]));
    writeFileSync(
      laptop.path("strangers"),
      mine.replaceAll(/IdentityFile .*/g, `IdentityFile ${laptop.path("stranger")}`),
    );
    const refused = await laptop.run(["ssh", "-F", laptop.path("strangers"), alias("main1"), "true"]);
    expect([refused.code, refused.stderr]).toEqual([
      255,
      expect.stringContaining("Permission denied (publickey)"),
    ]);
  });
});

describe("skein ssh", () => {
  test("goes to main1, or to the named container; options and words go to ssh; its exit code is ssh's", async () => {
    expect(await fine(laptop.skein(["ssh", "anywhere", "hostname"]))).toBe("main1\n");
    const words = ["ssh", "anywhere", "dev1", "-T", "echo $USER --json; cat; exit 7"];
    expect(await laptop.skein(words, "in\n")).toEqual({ code: 7, stdout: "dev --json\nin\n", stderr: "" });
    const none = await laptop.skein(["ssh", "anywhere", "dev9", "hostname"]);
    expect([none.code, none.stderr]).toEqual([1, expect.stringContaining("there is no container dev9")]);
  });

  test("adds the key of a user whose session it was not; an own default key is used", async () => {
    const { api } = await cluster();
    const other = await Laptop.of(api.token);
    onTestFinished(() => other.close());
    mkdirSync(other.path(".ssh"), { mode: 0o700 });
    await fine(other.run(["ssh-keygen", "-q", "-t", "ecdsa", "-N", "", "-C", "hers", "-f", ".ssh/id_ecdsa"]));
    for (const host of ["main1", "bare1"])
      expect(await fine(other.skein(["ssh", "anywhere", host, "echo $BACKENDAI_CLUSTER_HOST"]))).toBe(
        `${host}\n`,
      );
    expect(await sh(session, "main1", "grep -c '^ecdsa.* hers$' /.skein/self/authorized_keys")).toBe("1\n");
    expect(readdirSync(other.path(".config/skein/ssh"))).toEqual([`${session.id}.known_hosts`]);
  });

  test.each([
    ["viewer", "default", 403, /may not do that|needs|viewer/],
    ["user", "elsewhere", 404, /no session (anywhere|ses_)/],
  ])("a %s of project %s gets %i", async (role, project, _, word) => {
    const { body } = await request<{ token: string }>("POST", "/v1/tokens", { role, project });
    const other = await Laptop.of(body.token);
    onTestFinished(() => other.close());
    const { code, stderr } = await other.skein(["ssh", "anywhere", "true"]);
    expect([code, stderr]).toEqual([1, expect.stringMatching(word)]);
    writeFileSync(other.path("config"), readFileSync(laptop.path("config")));
    const plain = await other.run(["ssh", "-F", other.path("config"), alias("main1"), "true"]);
    expect([plain.code, plain.stderr]).toEqual([255, expect.stringMatching(word)]);
  });
});

test("a key that came while the node's agent was away holds after its return, the API's restart, and the container's", async () => {
  const { api } = await cluster();
  await fine(laptop.run(["ssh-keygen", "-q", "-t", "rsa", "-N", "", "-C", "late", "-f", "late"]));
  const late = readFileSync(laptop.path("late.pub"), "utf8");
  const lateConfig = readFileSync(laptop.path("config"), "utf8").replaceAll(
    /IdentityFile .*/g,
    `IdentityFile ${laptop.path("late")}`,
  );
  writeFileSync(laptop.path("lates"), lateConfig);
  const login = (host: string) => laptop.run(["ssh", "-F", laptop.path("lates"), alias(host), "hostname"]);
  await agent.kill("SIGKILL");
  const away = containerOf(session, "main1").node!;
  await expect
    .poll(
      async () =>
        (await request<{ missingOn: string[] }>("POST", "/v1/sessions/anywhere/ssh-keys", { keys: [late] }))
          .body,
    )
    .toMatchObject({ missingOn: [away] });
  await api.restart("SIGKILL");
  await agent.start();
  await expect.poll(async () => (await login("main1")).stdout).toBe("main1\n");
  await agent.restart("SIGKILL");
  await expect.poll(async () => (await login("main1")).stdout).toBe("main1\n");
  await sh(session, "comes1", "touch /tmp/end");
  await expect.poll(async () => containerOf(await get("anywhere"), "comes1").reason).toMatch(/^restart 1 of/);
  await expect.poll(async () => (await login("comes1")).stdout).toBe("comes1\n");
});

describe.each([
  [
    "the API, killed",
    async () => (await cluster()).api.kill("SIGKILL"),
    async () => (await cluster()).api.start(),
  ],
  ["the node's agent, killed", () => agent.kill("SIGKILL"), () => agent.start()],
  ["the node's cable, pulled", () => agent.host.linkDown(), () => agent.host.linkUp()],
] as const)("%s", (_, begin, recover) => {
  test("is said within 30 s, and ends ssh", async () => {
    const busy = laptop.start([
      "ssh",
      ...config(),
      alias("main1"),
      "echo begun; while sleep 0.1; do echo on; done",
    ]);
    const idle = laptop.start(["ssh", ...config(), "-T", alias("main1"), "echo begun; cat"]);
    await Promise.all([busy, idle].map(begun));
    const ends = [busy, idle].map((child) => ended(child));
    const from = performance.now();
    await begin();
    const words = await Promise.all(ends).finally(recover);
    for (const { code, stderr, at } of words) {
      expect([code, stderr]).toEqual([255, expect.stringMatching(/^skein: \S.*$/m)]);
      expect(at - from).toBeLessThan(WORD_MS);
    }
    await expect
      .poll(async () => (await ssh(alias("main1"), "hostname")).stdout, { timeout: 60_000 })
      .toBe("main1\n");
    await expect
      .poll(() => sh(session, "main1", "pgrep -fc '[w]hile sleep 0.1; do echo on' || true"))
      .toBe("0\n");
  });
});

async function begun(child: ChildProcess): Promise<void> {
  const [line] = await once(child.stdout!, "data");
  expect(String(line)).toBe("begun\n");
}

async function ended(child: ChildProcess) {
  const said = text(child.stderr!);
  child.stdout!.resume();
  const [code] = await once(child, "close");
  return { code, stderr: await said, at: performance.now() };
}

const ECHO = "localhost:7005";

/** Sends back what it gets. */
function echoServer(where: string): string {
  return `
import socket, threading
listener = socket.socket(${where.split(",")[0]})
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(${where.slice(where.indexOf(",") + 1)})
listener.listen()
def echo(peer):
    while data := peer.recv(65536): peer.sendall(data)
    peer.close()
while True: threading.Thread(target=echo, args=[listener.accept()[0]], daemon=True).start()
`;
}

/** On its loopback interface, once. */
async function serveEcho(host: string): Promise<void> {
  const server = echoServer('socket.AF_INET, ("127.0.0.1", 7005)');
  await sh(
    session,
    host,
    `python3 -c '${server}' >/dev/null 2>&1 & until nc -z localhost 7005; do sleep 0.05; done`,
  );
}

/** What comes back through a forwarded port or socket; with `socks`, through the proxy there to that port of the container. */
async function echoed(where: { port: number } | { path: string }, socks?: number): Promise<string> {
  const socket = await connected(where);
  if (socks !== undefined) {
    socket.write(Buffer.from([5, 1, 0]));
    await once(socket, "data");
    // RFC 1928: CONNECT to 127.0.0.1.
    socket.write(Buffer.from([5, 1, 0, 1, 127, 0, 0, 1, socks >> 8, socks & 255]));
    const [answer] = await once(socket, "data");
    expect((answer as Buffer)[1]).toBe(0);
  }
  socket.end("through the port");
  return await text(socket);
}
