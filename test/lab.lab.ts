/** The lab itself: its hosts are real and separate from the machine, and however it ends, nothing of it is left. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { PassThrough } from "node:stream";
import { text } from "node:stream/consumers";
import Docker from "dockerode";
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from "vitest";
import { cgroupOf, directoriesOf } from "./lab/cgroups.ts";
import { enterLab } from "./lab/enter.ts";
import type { LabHost } from "./lab/host.ts";
import { type Lab, startLab } from "./lab/lab.ts";
import { linkNames, routerAddress } from "./lab/lan.ts";
import { processesOf } from "./lab/processes.ts";

let lab: Lab;
let first: LabHost;
let second: LabHost;

beforeAll(async () => {
  lab = await startLab({ hosts: 2 });
  [first, second] = lab.hosts as [LabHost, LabHost];
});

afterAll(() => lab?.close());

describe("hosts", () => {
  it("have an engine each, which does not see the others' containers", async () => {
    const ids = await Promise.all(lab.hosts.map(async (host) => (await host.docker.info()).ID));
    expect(new Set(ids).size).toBe(2);
    const container = await first.docker.createContainer({ Image: "skein/busybox:1" });
    expect(await second.docker.listContainers({ all: true })).toEqual([]);
    await container.remove();
  });

  it("reach each other, the API's machine, and the router, which is this process's namespace", async () => {
    for (const address of [second.address, lab.api.address, routerAddress]) {
      expect(await ping(first, address), address).toBe(0);
    }
    const server = second.spawn(["busybox", "nc", "-l", "-p", "7000"]);
    const received = text(server.stdout!);
    await vi.waitFor(async () => {
      const { code } = await first.exec(["busybox", "nc", second.address, "7000"], { input: "a word\n" });
      expect(code).toBe(0);
    });
    expect(await received).toBe("a word\n");
  });

  it("have only their own link and no way out, and connections outside fail at once", async () => {
    const links: { ifname: string }[] = JSON.parse((await first.exec(["ip", "-json", "link"])).stdout);
    expect(links.map((link) => link.ifname).sort()).toEqual(["docker0", "eth0", "lo"]);
    const out = await first.exec(["ping", "-c", "1", "-W", "5", "203.0.113.1"]);
    expect(out.code).toBe(1);
    expect(out.stdout).toContain("Destination Net Unreachable");
  });

  it("see nothing of the machine's own /run", async () => {
    writeFileSync("/run/docker.sock", "");
    expect(await enterLab(["ls", "/run/docker.sock"])).not.toBe(0);
    rmSync("/run/docker.sock");
  });

  it("lose the LAN when their cable is pulled, and find it again", async () => {
    await first.linkDown();
    expect(await ping(first, second.address)).not.toBe(0);
    await first.linkUp();
    await vi.waitFor(async () => expect(await ping(first, second.address)).toBe(0));
  });

  it("keep images and containers when the engine is killed and restarted", async () => {
    const container = await runSleep(first.docker);
    await first.killEngine();
    expect(processesOf(first.netns, first.cgroup).map(({ argv }) => argv.join(" "))).toContain("sleep 600");
    await first.startEngine();
    expect((await container.inspect()).Config.Image).toBe("skein/busybox:1");
    await container.remove({ force: true });
  });

  it("can come and go", async () => {
    const third = await lab.addHost();
    expect(await ping(first, third.address)).toBe(0);
    await third.remove();
    expect(existsSync(third.netns)).toBe(false);
    expect(lab.hosts).toEqual([first, second]);
  });

  it("name programs that were left running", async () => {
    const third = await lab.addHost();
    await once(third.spawn(["sh", "-c", "sleep 601 &"]), "exit");
    await expect(third.remove()).rejects.toThrow(/sleep 601/);
    expect(existsSync(third.netns)).toBe(false);
  });
});

describe("images", () => {
  it("skein/debian:12 is a Debian with SSH's client, run by root", async () => {
    const script =
      "id -un; . /etc/os-release; echo $ID $VERSION_ID; for p in ssh scp sftp rsync ip ping nc ps awk python3; do command -v $p; done";
    const { code, output } = await runImage("skein/debian:12", ["bash", "-c", script]);
    expect(output.split("\r\n").slice(0, 3)).toEqual(["root", "debian 12", "/usr/bin/ssh"]);
    expect(output.trim().split("\r\n")).toHaveLength(12);
    expect(code).toBe(0);
  });

  it("skein/debian-user:12 is the same, run by dev in its own home", async () => {
    const { output } = await runImage("skein/debian-user:12", [
      "bash",
      "-c",
      "id -un; pwd; touch ~/x && ssh -V",
    ]);
    expect(output).toMatch(/^dev\r\n\/home\/dev\r\nOpenSSH_/);
  });

  it("skein/busybox:1 has a shell and applets", async () => {
    expect(await runImage("skein/busybox:1", ["sh", "-c", "id -un; uname -s"])).toEqual({
      code: 0,
      output: "root\r\nLinux\r\n",
    });
  });

  it("skein/empty:1 has nothing: programs in it come from outside", async () => {
    const busybox = "/usr/bin/busybox:/kit/busybox:ro";
    const { code, output } = await runImage("skein/empty:1", ["/kit/busybox", "ls", "/"], [busybox]);
    expect({ code, names: output.trim().split(/\s+/) }).toEqual({
      code: 0,
      names: ["dev", "etc", "kit", "proc", "sys"],
    });
  });
});

describe("the end of a lab", () => {
  // Labs nest: this process sees every process, mount and link that an inner lab could leave behind.
  it.each([
    ["the process that entered it", (lab: HeldLab) => lab.enterer],
    ["unshare, below that", (lab: HeldLab) => childrenOf(lab.enterer)[0]!],
    ["tini, its first process", (lab: HeldLab) => childrenOf(childrenOf(lab.enterer)[0]!)[0]!],
    ["the command in it", (lab: HeldLab) => childrenOf(childrenOf(childrenOf(lab.enterer)[0]!)[0]!)[0]!],
  ])("leaves nothing when SIGKILL hits %s", async (_name, victim) => {
    const before = await snapshot();
    const held = await holdLab();
    expect((await snapshot()).processes.length).toBeGreaterThan(before.processes.length + 5);
    process.kill(victim(held), "SIGKILL");
    await vi.waitFor(async () => expect(await snapshot()).toEqual(before));
  });

  it("leaves nothing after SIGTERM, and frees its slot", async () => {
    const before = await snapshot();
    const held = await holdLab();
    process.kill(held.enterer, "SIGTERM");
    const [code] = await held.ended;
    expect(code).toBe(0);
    expect(await snapshot()).toEqual(before);
    expect(directoriesOf(held.cgroup)).toEqual([]);
  });

  it("by SIGKILL leaves files and control groups to the next lab, which sweeps them", async () => {
    const before = await snapshot();
    const held = await holdLab();
    process.kill(held.enterer, "SIGKILL");
    await vi.waitFor(async () => expect(await snapshot()).toEqual(before));
    expect(existsSync(join(held.dir, "node1", "dockerd.log"))).toBe(true);
    expect(directoriesOf(held.cgroup)).not.toEqual([]);
    expect(await enterLab(["true"])).toBe(0);
    expect(existsSync(held.dir)).toBe(false);
    expect(directoriesOf(held.cgroup)).toEqual([]);
  });

  it("gives the command's exit status", async () => {
    expect(await enterLab(["sh", "-c", "exit 7"])).toBe(7);
  });
});

interface HeldLab {
  enterer: number;
  ended: Promise<unknown[]>;
  dir: string;
  cgroup: string;
}

/** A container that runs until it is ended, and ends fast. */
async function runSleep(docker: Docker): Promise<Docker.Container> {
  const container = await docker.createContainer({
    Image: "skein/busybox:1",
    Cmd: ["sleep", "600"],
    StopSignal: "SIGKILL",
  });
  await container.start();
  return container;
}

/** A lab in its own processes, with one host and a running container. */
async function holdLab(): Promise<HeldLab> {
  const node = process.execPath;
  const labDir = join(import.meta.dirname, "lab");
  const child: ChildProcess = spawn(
    node,
    [join(labDir, "enter.ts"), "--", node, join(labDir, "hold.ts"), "1"],
    {
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  const ended = once(child, "exit");
  const [line] = await once(createInterface({ input: child.stdout! }), "line");
  const { dir, hosts } = JSON.parse(line);
  // Its /run is not this process's, but the kernel shows it.
  const tini = childrenOf(childrenOf(child.pid!)[0]!)[0]!;
  onTestFinished(() => {
    // If the test failed, its lab may still exist.
    if (existsSync(`/proc/${tini}`)) process.kill(tini, "SIGKILL");
  });
  const [command] = childrenOf(tini);
  await runSleep(new Docker({ socketPath: `/proc/${command}/root${hosts[0].dockerSocket}` }));
  const cgroup = cgroupOf(readFileSync(join(dirname(dir), "id"), "utf8"));
  return { enterer: child.pid!, ended, dir, cgroup };
}

/** Everything that could be left of a lab, as seen from here. */
async function snapshot() {
  const processes = readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => `${pid} ${readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ")}`);
  const mounts = readFileSync("/proc/self/mountinfo", "utf8").split("\n").sort();
  return { processes, mounts, links: await linkNames(), netns: readdirSync("/run/netns") };
}

function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ").filter(Boolean).map(Number);
}

async function ping(from: LabHost, address: string): Promise<number> {
  return (await from.exec(["ping", "-c", "1", "-W", "1", address])).code;
}

async function runImage(image: string, command: string[], binds: string[] = []) {
  const stream = new PassThrough();
  const output = text(stream);
  const [{ StatusCode: code }] = await first.docker.run(image, command, stream, {
    Tty: true,
    HostConfig: { AutoRemove: true, Binds: binds },
  });
  return { code, output: await output };
}
