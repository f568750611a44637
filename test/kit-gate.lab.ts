/** The kit on a real engine: the proof that comes before the gate opens, and the command that waits behind it. */
import { describe, expect, it, vi } from "vitest";
import { openGate } from "../agent/kit/gate.ts";
import { type ProofTarget, proveCommand, unproven } from "../agent/kit/prove.ts";
import { useKitLab } from "./support/kit-lab.ts";
import { exec, KitSession, kitsh, output, untilOutput } from "./support/kit-session.ts";

const here = useKitLab();

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
      { way: "ssh", host: "sub1", reason: "Host key verification failed." },
    ]);
    const itself: ProofTarget = { way: "ssh", host: "main1" };
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
    await vi.waitFor(async () => expect((await exec(container, running)).code).toBe(0));
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
      { way: "ssh", host: "sub1" },
      { way: "ssh", host: "127.0.0.9" },
      { way: "ping", host: "10.64.250.250" },
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
    const { machine } = here;
    const lossy =
      "table bridge lossy { chain f { type filter hook forward priority 0; ip length > 1400 drop; }; }";
    await machine.exec(["nft", lossy]);
    try {
      const target: ProofTarget = { way: "ping", host: "sub1" };
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
    const target: ProofTarget = { way: "ping", host: "sub1" };
    const { machine } = here;
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
