/** Images and requests that try to mislead Skein's programs or the agent. None reaches the node. */
import { mkdtemp, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import type { SessionView } from "../../shared/session/session-schemas.ts";
import { programPath } from "../lab/packages.ts";
import { Tar } from "../lab/tar.ts";
import { cluster, containerOf, create, dockerOf, end, ended, exec, running, sh } from "./skein.ts";

const SECRET = "what only the node may read";
/** A folder of the node with one file in it; links in images point here. */
let target: string;

beforeAll(async () => {
  const { lab } = await cluster();
  target = await mkdtemp(join(lab.hosts[0]!.dir, "target-"));
  await writeFile(join(target, "secret"), SECRET);
});

/** A root file system under construction. Only the first entry of a path counts, because engines refuse duplicates. */
class Layers {
  readonly #tar: Tar;
  readonly #known = new Set<string>();

  constructor(tar: Tar) {
    this.#tar = tar;
  }

  directory(name: string, mode = 0o755, uid = 0): void {
    if (this.#isNew(name)) this.#tar.directory(name, mode, uid);
  }

  link(name: string, to: string): void {
    if (this.#isNew(name)) this.#tar.link(name, to);
  }

  file(name: string, content: string | Buffer, mode = 0o644): void {
    if (this.#isNew(name)) this.#tar.file(name, content, mode);
  }

  #isNew(name: string): boolean {
    const isNew = !this.#known.has(name);
    this.#known.add(name);
    return isNew;
  }
}

/** Makes an image on every engine: the files of `fill` over a busybox. */
async function image(name: string, fill: (layers: Layers) => void, changes: string[] = []): Promise<string> {
  const { lab } = await cluster();
  const file = join(target, "..", `${name}.tar`);
  const busybox = await readFile(programPath("busybox"));
  await Tar.write(file, async (tar) => {
    const layers = new Layers(tar);
    fill(layers);
    for (const directory of ["bin", "tmp", "etc", "root"]) layers.directory(directory);
    layers.file("bin/busybox", busybox, 0o755);
    for (const applet of ["sh", "cat", "ls", "touch", "hostname", "sleep"])
      layers.link(`bin/${applet}`, "busybox");
    layers.file("etc/passwd", "root:x:0:0::/root:/bin/sh\n");
  });
  await Promise.all(
    lab.hosts.map(async ({ docker }) => {
      const options = { repo: `hostile/${name}`, tag: "1" };
      const progress = await docker.importImage(file, {
        ...options,
        ...(changes.length === 0 ? {} : { changes: changes.join("\n") }),
      });
      await new Promise<void>((resolve, reject) => {
        docker.modem.followProgress(progress, (error) => (error === null ? resolve() : reject(error)));
      });
    }),
  );
  return `hostile/${name}:1`;
}

/** The node's folder is unchanged, nothing of it is in the container, and the container's own folder has Skein's files. */
async function expectUntouched(session: SessionView): Promise<void> {
  expect(await readdir(target)).toEqual(["secret"]);
  expect(await readFile(join(target, "secret"), "utf8")).toBe(SECRET);
  if (session.status !== "running") return;
  const shell = ["/.skein/kit/bin/busybox", "sh", "-c"];
  const script = `cd / && for f in etc/* root/.ssh/* home/app/.ssh/* .skein/home/.ssh/*; do cat "$f"; done 2>/dev/null; true`;
  expect(await sh(session, "main1", script, { shell, user: "0" })).not.toContain(SECRET);
  const docker = await dockerOf(session, "main1");
  const { Mounts } = await docker.getContainer(containerOf(session, "main1").containerId!).inspect();
  const self = Mounts.find((mount) => mount.Source.endsWith("/main1/self"))!.Source;
  expect((await readdir(self)).sort()).toEqual(["gate", "hostfile", "hosts", "inventory", "machinefile"]);
}

describe("an image whose links lead out of it", () => {
  const app = "root:x:0:0::/root:/bin/sh\napp:x:500:500::/home/app:/bin/sh\n";
  const up = "../../../../../../../../../..";
  const cases: [string, (tar: Layers) => void][] = [
    ["root-home", (tar) => tar.link("root", target)],
    ["root-home-up", (tar) => tar.link("root", up + target)],
    [
      "root-ssh",
      (tar) => {
        tar.directory("root", 0o700);
        tar.link("root/.ssh", target);
      },
    ],
    [
      "root-ssh-self",
      (tar) => {
        tar.directory("root", 0o700);
        tar.link("root/.ssh", "/.skein/self");
      },
    ],
    [
      "root-ssh-kit",
      (tar) => {
        tar.directory("root", 0o700);
        tar.directory("root/.ssh", 0o700);
        tar.link("root/.ssh/known_hosts", "/.skein/kit/start");
        tar.link("root/.ssh/authorized_keys", "/.skein/self/gate");
        tar.link("root/.ssh/config", join(target, "secret"));
      },
    ],
    ["skein-root", (tar) => tar.link(".skein", target)],
    [
      "skein-app",
      (tar) => {
        tar.link(".skein", up + target);
        tar.directory("etc");
        tar.file("etc/passwd", app);
      },
    ],
    [
      "passwd",
      (tar) => {
        tar.directory("etc");
        tar.link("etc/passwd", join(target, "secret"));
        tar.link("etc/shells", up + join(target, "shells"));
        tar.link("etc/nsswitch.conf", join(target, "nsswitch.conf"));
      },
    ],
    [
      "app-home",
      (tar) => {
        tar.directory("etc");
        tar.file("etc/passwd", app);
        tar.directory("home");
        tar.link("home/app", target);
      },
    ],
    [
      "app-homes",
      (tar) => {
        tar.directory("etc");
        tar.file("etc/passwd", app);
        tar.link("home", up + target);
      },
    ],
    ["job", (tar) => tar.link("job", target)],
    ["job-self", (tar) => tar.link("job", "/.skein/self")],
    [
      "job-file",
      (tar) => {
        tar.directory("job");
        tar.link("job/hostfile", join(target, "secret"));
      },
    ],
    [
      "app-ssh-self",
      (tar) => {
        tar.directory("etc");
        tar.file("etc/passwd", app);
        tar.directory("home");
        tar.directory("home/app", 0o700, 500);
        tar.link("home/app/.ssh", "/.skein/self");
      },
    ],
    [
      "dotted-home",
      (tar) => {
        tar.directory("etc");
        tar.file("etc/passwd", app.replace("/home/app", up + target).replace("/root:", `${up}${target}:`));
      },
    ],
  ];

  test.each(cases)("%s: nothing is written or read outside", async (name, fill) => {
    const made = await image(name, fill);
    const user =
      name.startsWith("app") || name.endsWith("app") || name.startsWith("dotted") ? "500:500" : "0";
    const session = await create({ image: made, user });
    if (session.status === "failed") expect(session.reason).toContain("main1");
    await expectUntouched(session);
    await end(session);
    expect(await readdir(target)).toEqual(["secret"]);
  });
});

describe("an image with a hostile configuration", () => {
  test("its health check, volumes, labels and variables change nothing of Skein", async () => {
    const made = await image("config", () => {}, [
      "HEALTHCHECK --interval=1s --timeout=1s CMD touch /healthy",
      "ONBUILD RUN touch /onbuild",
      'VOLUME ["/.skein", "/.skein/self", "/.skein/kit", "/root", "/run/docker.sock"]',
      "LABEL skein.fleet=stolen skein.node=stolen skein.session=stolen skein.host=stolen skein.epoch=99",
      "ENV ENV=/evil BASH_ENV=/evil LD_PRELOAD=/evil.so LD_LIBRARY_PATH=/evil PATH=/evil:/bin",
      'ENTRYPOINT ["/bin/sh", "-c", "exec sleep inf"]',
      "WORKDIR /.skein/self",
    ]);
    const { lab } = await cluster();
    const volumes = () =>
      Promise.all(lab.hosts.map(async ({ docker }) => (await docker.listVolumes()).Volumes.length));
    const before = await volumes();
    const session = await running({ image: made, clusterSize: 2, command: ["x"] });
    const docker = await dockerOf(session, "main1");
    const found = await docker.getContainer(containerOf(session, "main1").containerId!).inspect();
    expect(found.State.Health).toBeUndefined();
    expect(found.Config.Healthcheck?.Test).toEqual(["NONE"]);
    expect(found.Config.Labels).toMatchObject({ "skein.session": session.id, "skein.host": "main1" });
    expect(Object.values(found.Config.Labels)).not.toContain("stolen");
    expect(await sh(session, "main1", "ls /onbuild /healthy 2>/dev/null; ssh sub1 hostname")).toBe("sub1\n");
    expect((await exec(session, "main1", ["touch", "/.skein/self/new"])).code).not.toBe(0);
    await end(session);
    expect(await volumes()).toEqual(before);
  });
});

describe("a hostile request", () => {
  test("variables for libraries, shells and paths do not affect the kit's programs", async () => {
    const env = {
      LD_PRELOAD: "/evil.so",
      LD_LIBRARY_PATH: "/evil",
      LD_AUDIT: "/evil.so",
      ENV: "/evil",
      BASH_ENV: "/evil",
      IFS: "0",
      PATH: "/evil:/usr/bin:/bin",
      SSH_ORIGINAL_COMMAND: "touch /tmp/evil",
      PROVE_UNTIL: "0",
    };
    for (const image of ["skein/debian:12", "skein/debian-user:12"]) {
      const session = await running({ image, clusterSize: 2, env });
      expect(await sh(session, "main1", "ssh sub1 'echo $BACKENDAI_CLUSTER_HOST' 2>/dev/null")).toBe(
        "sub1\n",
      );
      expect(await sh(session, "sub1", "ls /tmp 2>/dev/null")).not.toContain("evil");
      await end(session);
    }
  });

  test("a working directory among the runtime's open files is no way to the node's root (CVE-2024-21626)", async () => {
    const sessions = await Promise.all(
      [5, 6, 7, 8, 9, 10].map((fd) => create({ image: "skein/busybox:1", workdir: `/proc/self/fd/${fd}` })),
    );
    for (const session of sessions) {
      if (session.status === "running") {
        const up = "../../../../../../../../../../..";
        const script = `cat ${up}${target}/secret /proc/1/cwd/${up}${target}/secret 2>/dev/null; true`;
        expect((await exec(session, "main1", ["sh", "-c", script])).stdout).not.toContain(SECRET);
      } else {
        expect(session.reason).toMatch(/main1 on/);
      }
      await end(session);
    }
  });

  test("the kit's own first program as the entry point only runs the command", async () => {
    const { id } = await create({
      image: "skein/busybox:1",
      entrypoint: ["/.skein/kit/start", "0"],
      command: ["sh", "-c", "ls /.skein/self; exit 3"],
    });
    const { status, containers } = await ended(id);
    expect([status, containers[0]!.exitCode]).toEqual(["failed", 3]);
    expect(containers[0]!.output).toMatch(/^gate\n/);
  });
});
