/** Connections to ports of containers of any image and user, on a real engine. */
import { createHash, randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { MemoryStream } from "../agent/testing/memory-stream.ts";
import { useKitLab } from "./support/kit-lab.ts";
import { kitsh, untilOutput, type Wanted } from "./support/kit-session.ts";
import { StreamLab } from "./support/stream-lab.ts";

const here = useKitLab();

/** The kit's own busybox is enough for servers in any image: an echo on 127.0.0.1, another on the container's own address. */
const SERVERS = `
kit=/.skein/kit
nc -ll 127.0.0.1 -p 9001 -e $kit/bin/busybox cat &
nc -ll $(awk '$2 == ENVIRON["BACKENDAI_CLUSTER_HOST"] { print $1; exit }' /etc/hosts) -p 9002 -e $kit/bin/busybox cat &
wait`;

/** One program for each way in which a server ends a connection. */
const ENDS = `
import socket, struct, threading, time
def serve(port, talk):
    s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); s.bind(("127.0.0.1", port)); s.listen(512)
    while True: threading.Thread(target=talk, args=(s.accept()[0],), daemon=True).start()
def all(c):
    got = b""
    while True:
        piece = c.recv(65536)
        if not piece: return got
        got += piece
def answers_after_end(c): c.sendall(str(len(all(c))).encode()); c.close()
def ends_first(c): c.sendall(b"bye"); c.shutdown(socket.SHUT_WR); print("heard", all(c).decode(), flush=True); c.close()
def resets(c): c.sendall(b"x"); c.recv(1); c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)); c.close()
def closes_early(c): c.recv(10); c.close()
def silent(c): time.sleep(1000)
def source(c):
    piece = bytes(1 << 20)
    for _ in range(int(c.recv(100))): c.sendall(piece)
    c.close()
def triple(c):
    while True:
        got = b""
        while len(got) < 3:
            piece = c.recv(3)
            if not piece: return
            got += piece
        c.sendall(got)
talks = [answers_after_end, ends_first, resets, closes_early, silent, source, triple]
for i, talk in enumerate(talks): threading.Thread(target=serve, args=(9100 + i, talk)).start()
print("up", flush=True)
`;
const PORT = {
  answersAfterEnd: 9100,
  endsFirst: 9101,
  resets: 9102,
  closesEarly: 9103,
  silent: 9104,
  source: 9105,
  triple: 9106,
};

const argv = kitsh(SERVERS);
const kinds: Wanted[] = [
  { host: "debian1", image: "skein/debian:12", argv },
  { host: "dev1", image: "skein/debian-user:12", argv },
  { host: "number1", image: "skein/debian:12", user: "4242", argv },
  { host: "busybox1", image: "skein/busybox:1", argv },
  { host: "empty1", image: "skein/empty:1", argv },
  { host: "empty2", image: "skein/empty:1", user: "77", argv },
  {
    host: "odd1",
    image: "skein/debian:12",
    env: ["IFS=x", "LD_PRELOAD=/nonexistent/library.so"],
    argv: ["python3", "-c", ENDS],
  },
  { host: "idle1", image: "skein/empty:1" },
];

let lab: StreamLab;
beforeAll(async () => {
  lab = await StreamLab.start(here, kinds);
  await untilOutput(lab.session.of("odd1").container, "up");
  // The others serve when they accept.
  for (const { host } of kinds.slice(0, 6))
    await vi.waitFor(
      async () => expect((await lab.port(host, 9002).sendEnd().ended).code).toBe("done"),
      10_000,
    );
});
afterAll(() => lab?.[Symbol.asyncDispose]());

const odd = (port: keyof typeof PORT): MemoryStream => lab.port("odd1", PORT[port]);

describe.each(kinds.slice(0, 6).map(({ host }) => host))("a port of %s", (host) => {
  it.each([
    ["127.0.0.1", 9001],
    ["its address", 9002],
  ])("at %s: bytes and ends go both ways, and nothing is left", async (_, port) => {
    const stream = lab.port(host, port).send("hello ");
    await stream.untilOutput("hello ");
    stream.send("you").sendEnd();
    expect(await stream.ended).toEqual({ code: "done", reason: "" });
    expect([stream.stdout, stream.said]).toEqual(["hello you", ["opened", "end"]]);
    await lab.untilClean(host);
  });

  it("where nothing accepts is refused", async () => {
    const stream = lab.port(host, 9003);
    expect(await stream.ended).toEqual({
      code: "refused",
      reason: `nothing in ${host} accepts connections at port 9003`,
    });
    expect(stream.said).toEqual([]);
  });
});

describe("an end of file", () => {
  it("of the client reaches the server, whose answer comes back", async () => {
    const stream = odd("answersAfterEnd").send("12345").sendEnd();
    expect(await stream.ended).toMatchObject({ code: "done" });
    expect(stream.stdout).toBe("5");
  });

  it("of the server reaches the client, who goes on", async () => {
    const stream = odd("endsFirst");
    await stream.until(({ said }) => said.includes("end"));
    expect(stream.stdout).toBe("bye");
    stream.send("more").sendEnd();
    expect(await stream.ended).toMatchObject({ code: "done" });
    await untilOutput(lab.session.of("odd1").container, "heard more");
  });
});

describe("a connection", () => {
  const broken = { code: "failed", reason: "the program in the container has broken off the connection" };

  it("that the server resets ends with a reason, also while the client is idle", async () => {
    const stream = odd("resets");
    await stream.untilOutput("x");
    stream.send("y");
    expect(await stream.ended).toEqual(broken);
    expect(stream.said).toEqual(["opened"]);
  });

  it("that the server closes while data is under way ends with a reason", async () => {
    const stream = odd("closesEarly");
    for (let i = 0; i < 100; i++) stream.send(Buffer.alloc(65_536));
    expect(await stream.ended).toEqual(broken);
  });

  it("to a silent server leaves nothing once its client is lost, or has ended and is lost", async () => {
    const streams = [odd("silent"), odd("silent").send("x").sendEnd(), odd("source").send("1000")];
    await Promise.all(streams.map((stream) => stream.until(({ said }) => said.includes("opened"))));
    for (const stream of streams) stream.lose();
    for (const stream of streams) expect((await stream.ended).code).toBe("client_gone");
    await lab.untilClean("odd1");
  });

  it("does not wait for the kernel's acknowledgement of a request in pieces", async () => {
    const stream = odd("triple");
    await stream.until(({ said }) => said.includes("opened"));
    const rounds: number[] = [];
    for (let i = 1; i <= 20; i++) {
      const before = performance.now();
      for (const piece of ["a", "b", "c"]) {
        stream.send(piece);
        await vi.waitFor(() => expect(stream.waiting).toBe(0), { interval: 1 });
      }
      await stream.until(({ counted }) => counted[1] === 3 * i);
      rounds.push(performance.now() - before);
    }
    // With Nagle's algorithm each takes 40 ms, once the kernel no longer acknowledges at once. A busy machine slows some, but not half of them.
    expect(rounds.toSorted((a, b) => a - b)[10]).toBeLessThan(35);
    stream.sendEnd();
    await stream.ended;
  });

  it("stops the server while the client does not read", async () => {
    const stream = odd("source").send("100");
    stream.keeps = false;
    await stream.until(({ counted }) => counted[1] > 1e6);
    stream.hold(true);
    const processes = await lab.processes("odd1");
    const { pid } = processes.find(({ line }) => line.includes("python3"))!;
    const { readFileSync } = await import("node:fs");
    let last = "";
    await vi.waitFor(
      () => {
        const before = last;
        last = readFileSync(`/proc/${pid}/io`, "utf8");
        expect(last).toBe(before);
      },
      { interval: 300, timeout: 20_000 },
    );
    expect(stream.counted[1]).toBeLessThan(50 * 2 ** 20);
    stream.hold(false);
    await stream.sendEnd().ended;
    expect(stream.counted[1]).toBe(100 * 2 ** 20);
  });
});

it("carries 200 connections at once", async () => {
  for (const [host, port] of [
    ["debian1", 9001],
    ["empty2", 9002],
  ] as const) {
    const before = performance.now();
    const streams = Array.from({ length: 200 }, (_, i) => lab.port(host, port).send(`number ${i}`));
    await Promise.all(streams.map((stream, i) => stream.untilOutput(`number ${i}`)));
    const stood = performance.now();
    for (const stream of streams) stream.sendEnd();
    const ends = await Promise.all(streams.map(({ ended }) => ended));
    expect(new Set(ends.map(({ code }) => code))).toEqual(new Set(["done"]));
    console.log(`${host}: 200 connections stood after ${Math.round(stood - before)} ms`);
    await lab.untilClean(host);
  }
});

it("carries 1 GB whole, and 100 MB in both directions", async () => {
  const down = odd("source").send("1024").sendEnd();
  down.keeps = false;
  const before = performance.now();
  await down.ended;
  const seconds = (performance.now() - before) / 1000;
  expect(down.counted[1]).toBe(2 ** 30);
  console.log(`1 GiB from a container: ${Math.round(2 ** 30 / 1e6 / seconds)} MB/s`);

  const bytes = randomBytes(100 * 2 ** 20);
  const hash = createHash("sha256");
  const both = lab.port("debian1", 9001);
  both.keeps = false;
  both.onPiece = (piece) => hash.update(piece);
  for (let at = 0; at < bytes.length; at += 65_536) both.send(bytes.subarray(at, at + 65_536));
  expect((await both.sendEnd().ended).code).toBe("done");
  expect(hash.digest("hex")).toBe(createHash("sha256").update(bytes).digest("hex"));
});

it("is refused where the container does not run, and ends with it", async () => {
  await using other = await StreamLab.start(here, [
    { host: "main1", image: "skein/debian:12", argv: ["python3", "-c", ENDS] },
  ]);
  const { container } = other.session.of("main1");
  await untilOutput(container, "up");
  const stream = other.port("main1", PORT.silent);
  await stream.until(({ said }) => said.includes("opened"));
  await container.kill();
  expect((await stream.ended).code).toBe("failed");
  expect(await other.port("main1", PORT.silent).ended).toEqual({
    code: "not_running",
    reason: "main1 is not running",
  });
  expect(await other.port("sub7", 80).ended).toMatchObject({ code: "not_running" });
  // Its forwarder ended with it; after a restart there is another.
  await container.start();
  await vi.waitFor(
    async () => expect((await other.port("main1", PORT.closesEarly).sendEnd().ended).code).toBe("done"),
    20_000,
  );
});
