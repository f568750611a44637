/** Root inside a container gets no access to the node, and no more rights than Docker gives every container. */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { SessionView } from "../../shared/session/session-schemas.ts";
import { startAgent } from "../lab/cluster.ts";
import { cluster, containerOf, dockerOf, end, exec, get, request, running, sh } from "./skein.ts";

/** Docker's default: chown, dac_override, fowner, fsetid, kill, setgid, setuid, setpcap, net_bind_service, net_raw, sys_chroot, mknod, audit_write, setfcap. */
const DEFAULT_CAPABILITIES = "00000000a80425fb";
const PIDS_LIMIT = 16_384;

/**
 * A service of the node itself, as a program for Node. A client closes at once, which may reset the connection: that must not end the
 * service.
 */
const SERVICE =
  "require('net').createServer((s) => s.on('error', () => {}).end('here')).listen(9998, () => console.log('ready'))";

let session: SessionView;
let plain: SessionView;

beforeAll(async () => {
  [session, plain] = await Promise.all([
    running({ image: "skein/debian:12", clusterSize: 2 }),
    running({ image: "skein/debian-user:12", clusterSize: 2 }),
  ]);
});
afterAll(() => Promise.all([session, plain].map(end)));

/** The node's folder that a container has at `path`. */
async function sourceOf(host: string, path: string): Promise<string> {
  const docker = await dockerOf(session, host);
  const { Mounts } = await docker.getContainer(containerOf(session, host).containerId!).inspect();
  return Mounts.find((mount) => mount.Destination === path)!.Source;
}

async function filesBelow(dir: string): Promise<string[]> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true });
  return entries.map((entry) => join(entry.parentPath, entry.name)).sort();
}

/** Runs each line by itself, as root; returns those that succeeded. */
async function succeeding(lines: string[]): Promise<string[]> {
  const codes = await Promise.all(
    lines.map(async (line) => (await exec(session, "main1", ["sh", "-c", line], { user: "0" })).code),
  );
  return lines.filter((_, at) => codes[at] === 0);
}

describe("a container's processes", () => {
  const STATUS = "sed -n 's/^\\(CapEff\\|CapBnd\\|NoNewPrivs\\|Seccomp\\):[[:space:]]*//p'";
  const ways: [string, string][] = [
    ["its first process", `${STATUS} /proc/1/status`],
    ["by docker exec", `${STATUS} /proc/self/status`],
    ["by SSH", `ssh sub1 "${STATUS} /proc/self/status"`],
  ];
  test.each(ways)(
    "%s: Docker's capabilities, its seccomp filter, and no new privileges",
    async (_, script) => {
      const [root, user] = await Promise.all([session, plain].map((each) => sh(each, "main1", script)));
      expect(root!.trim().split("\n")).toEqual([DEFAULT_CAPABILITIES, DEFAULT_CAPABILITIES, "1", "2"]);
      expect(user!.trim().split("\n")).toEqual(["0000000000000000", DEFAULT_CAPABILITIES, "1", "2"]);
    },
  );

  test("a program with root's set-uid bit does not make its user root", async () => {
    const script = "cp /usr/bin/id /tmp/id && chown 0:0 /tmp/id && chmod 4755 /tmp/id";
    await sh(plain, "main1", script, { user: "0" });
    expect(await sh(plain, "main1", "stat -c '%u %a' /tmp/id && /tmp/id -u")).toBe("0 4755\n1000\n");
  });
});

describe("a container sees of its node", () => {
  test("the kit, its own folder, and the three files that Docker makes; no other mounts", async () => {
    const mounts = (await sh(session, "main1", "cat /proc/self/mountinfo"))
      .trim()
      .split("\n")
      .map((line) => line.split(" "));
    const points = mounts.map((fields) => fields[4]!);
    const fromNode = points.filter((point) => !/^\/((proc|dev|sys)(\/|$)|$)/.test(point));
    const files = ["/etc/hostname", "/etc/hosts", "/etc/resolv.conf"];
    expect(fromNode.sort()).toEqual(["/.skein/kit", "/.skein/self", ...files]);
    const optionsOf = (point: string) => mounts.find((fields) => fields[4] === point)![5]!.split(",");
    for (const point of ["/.skein/kit", "/.skein/self"]) expect(optionsOf(point)).toContain("ro");
  });

  test("no socket of the engine, no file of the agent, no folder of another container", async () => {
    const sockets = await sh(session, "main1", "find / -xdev -type s 2>/dev/null; tail -n +2 /proc/net/unix");
    expect(sockets).toBe("");
    const names = ["node-key*.pem", "identity.json", "prepared.json", "files.tar", "docker*.sock"];
    const wanted = names.map((name) => `-name '${name}'`).join(" -o ");
    expect(await sh(session, "main1", `find / /.skein -path /proc -prune -o \\( ${wanted} \\) -print`)).toBe(
      "",
    );
    expect(await sh(session, "main1", "ls -A /.skein/self")).toBe(
      "gate\nhostfile\nhosts\ninventory\nmachinefile\n",
    );
    // The same search finds it on the node.
    const { agents } = await cluster();
    const agent = agents.find((each) => each.host.name === containerOf(session, "main1").node)!;
    expect(await readdir(agent.stateDir)).toContain("node-key.pem");
    const ended = await exec(session, "main1", ["ls", agent.stateDir]);
    expect(ended.code).not.toBe(0);
  });

  test("no service of any node of the fleet, with or without a part of its session", async () => {
    const { lab, agents } = await cluster();
    const services = await Promise.all(
      lab.hosts.map(async (host) => {
        const service = host.spawn([process.execPath, "-e", SERVICE]);
        await new Promise((resolve) => service.stdout!.once("data", resolve));
        return service;
      }),
    );
    try {
      const open = async ({ address }: (typeof lab.hosts)[number]) => {
        const [inside, outside] = await Promise.all([
          exec(session, "main1", ["nc", "-z", "-w", "1", address, "9998"]),
          lab.api.exec(["bash", "-c", `exec 3<>/dev/tcp/${address}/9998`]),
        ]);
        return [inside.code === 0, outside.code === 0];
      };
      // The other nodes get a joined node's addresses at once.
      await expect
        .poll(() => Promise.all(lab.hosts.map(open)), { timeout: 20_000, interval: 500 })
        .toEqual(agents.map(() => [false, true]));
    } finally {
      for (const service of services) service.kill("SIGKILL");
    }
  });

  test("nor at a second address of a node, from its join on", async () => {
    const { lab, api } = await cluster();
    const [host, more] = [lab.hosts[2]!, "203.0.113.3"];
    const others = [lab.api, ...lab.hosts.filter((each) => each !== host)];
    await host.exec(["ip", "address", "add", `${more}/32`, "dev", "lo"]);
    for (const other of others) await other.exec(["ip", "route", "add", more, "via", host.address]);
    const service = host.spawn([process.execPath, "-e", SERVICE]);
    await new Promise((resolve) => service.stdout!.once("data", resolve));
    const from = session.containers.find(({ node }) => node !== host.name)!.host;
    const open = async () => [
      (await exec(session, from, ["nc", "-z", "-w", "1", more, "9998"])).code === 0,
      (await lab.api.exec(["bash", "-c", `exec 3<>/dev/tcp/${more}/9998`])).code === 0,
    ];
    const name = `${host.name}-more`;
    try {
      expect(await open()).toEqual([true, true]);
      const { body } = await request<{ token: string }>("POST", "/v1/join-tokens");
      const agent = await startAgent(host, { api: api.url, joinToken: body.token, name });
      await expect.poll(open, { timeout: 20_000, interval: 100 }).toEqual([false, true]);
      await agent.kill("SIGTERM");
    } finally {
      service.kill("SIGKILL");
      await request("DELETE", `/v1/nodes/${name}`);
      for (const other of others) await other.exec(["ip", "route", "delete", more]);
      await host.exec(["ip", "address", "delete", `${more}/32`, "dev", "lo"]);
    }
  });

  test("only its own processes and environment", async () => {
    const programs = await sh(session, "main1", "cat /proc/[0-9]*/comm | sort -u");
    const own = ["busybox", "cat", "sh", "sleep", "sort", "login-server", "tini-static", "start"];
    expect(
      programs
        .trim()
        .split("\n")
        .filter((name) => !own.includes(name)),
    ).toEqual([]);
    for (const { host } of session.containers) {
      const environment = (await sh(session, host, "tr '\\0' '\\n' </proc/1/environ")).split("\n");
      expect(environment).toContain(`BACKENDAI_CLUSTER_HOST=${host}`);
    }
  });

  test("root can write to neither, nor make them writable, nor mount anything over them", async () => {
    const kit = await sourceOf("main1", "/.skein/kit");
    const self = await sourceOf("main1", "/.skein/self");
    const before = [await filesBelow(kit), await filesBelow(self)];
    const each = ["/.skein/kit", "/.skein/self"].flatMap((dir) => [
      `touch ${dir}/new`,
      `rm -r ${dir}/*`,
      `mkdir ${dir}/new`,
      `chmod 777 ${dir}`,
      `chown 1:1 ${dir}`,
      `ln -s / ${dir}/new`,
      `mv ${dir} /moved`,
      `mount -o remount,rw ${dir}`,
      `mount -o remount,rw,bind ${dir}`,
      `mount -t tmpfs none ${dir}`,
      `umount ${dir}`,
      `unshare -m umount ${dir}`,
      `unshare -rm mount -o remount,rw,bind ${dir}`,
    ]);
    const files = [
      "echo x >/.skein/self/gate",
      "echo x >>/.skein/kit/start",
      "cp /bin/sh /.skein/kit/bin/busybox",
    ];
    expect(await succeeding([...each, ...files])).toEqual([]);
    expect([await filesBelow(kit), await filesBelow(self)]).toEqual(before);
  });

  test("root opens no device of the node, not even one that it makes itself, and cannot change the kernel", async () => {
    expect(await sh(session, "main1", "find /dev -type b")).toBe("");
    const made = await sh(session, "main1", "mknod /tmp/mem c 1 1 && mknod /tmp/kmsg c 1 11 && ls /tmp", {
      user: "0",
    });
    expect(made).toContain("kmsg");
    const lines = [
      "head -c 1 /tmp/mem",
      "head -c 1 /tmp/kmsg",
      "echo x >/proc/sys/kernel/core_pattern",
      "echo 1 >/proc/sys/vm/drop_caches",
      "echo h >/proc/sysrq-trigger",
      "echo x >/sys/kernel/uevent_helper",
      // Control groups of version 1, or 2.
      "for f in /sys/fs/cgroup/pids/pids.max /sys/fs/cgroup/pids.max; do [ -e $f ] && echo max >$f && exit 0; done; exit 1",
      "mount -t proc none /mnt",
      "mount -t cgroup none /mnt",
      "unshare -n true",
      "nsenter -t 1 -m true",
      "chroot /proc/1/root ip link add type dummy",
      "dmesg",
    ];
    expect(await succeeding(lines)).toEqual([]);
  });
});

describe("a fork bomb", () => {
  /** Starts threads until no more can start, prints their number, and keeps them. */
  const BOMB = `
import _thread, os, signal
_thread.stack_size(65536)
held = _thread.allocate_lock()
held.acquire()
count = 0
try:
    while True:
        _thread.start_new_thread(held.acquire, ())
        count += 1
except RuntimeError:
    os.write(1, b"%d\\n" % count)
signal.pause()
`;

  /** A low limit, which is soon reached: the real one would make the test wait. */
  const LOWERED = 300;

  test("ends at its container's limit; its neighbour and its node work, and it can be ended", async () => {
    const bombed = await running({ image: "skein/debian:12", clusterSize: 2 });
    const limits = "/sys/fs/cgroup/pids/pids.max /sys/fs/cgroup/pids.max";
    expect(await sh(bombed, "main1", `cat ${limits} 2>/dev/null || true`)).toBe(`${PIDS_LIMIT}\n`);
    const docker = await dockerOf(bombed, "main1");
    const container = docker.getContainer(containerOf(bombed, "main1").containerId!);
    await container.update({ PidsLimit: LOWERED });
    const job = await container.exec({ Cmd: ["python3", "-c", BOMB], AttachStdout: true });
    const stream = await job.start({});
    const said = await new Promise<string>((resolve) => stream.once("data", (data) => resolve(String(data))));
    const count = Number(/\d+/.exec(said)![0]);
    expect(count).toBeGreaterThan(LOWERED - 64);
    expect(count).toBeLessThan(LOWERED);
    expect(await sh(bombed, "sub1", "ssh sub1 hostname")).toBe("sub1\n");
    expect((await get(bombed.id)).status).toBe("running");
    await end(await running({ image: "skein/busybox:1", clusterMode: "multi-node", clusterSize: 3 }));
    expect((await end(bombed)).status).toBe("terminated");
    stream.destroy();
  });
});
