import { Readable } from "node:stream";
import { extract, pack } from "tar-stream";
import { expect, it } from "vitest";
import type { PathStat } from "./account.ts";
import { containerFiles, packEntries } from "./archive.ts";
import { type Entry, placePrepared, placeStarted } from "./place.ts";
import type { Peer } from "./ssh-files.ts";
import { makeKeyPair } from "./ssh-keys.ts";
import { type ContainerFiles, survey } from "./survey.ts";

interface Node extends Partial<PathStat> {
  content?: string;
}

/** An image as a table. A path with content is a file; another one is a directory. */
function image(nodes: Record<string, Node>): ContainerFiles {
  return {
    exists: async (path) => path in nodes,
    stat: async (path) => {
      const node = nodes[path];
      const type = node?.content === undefined ? "directory" : "file";
      return node && { type, mode: 0o755, uid: 0, gid: 0, ...node };
    },
    read: async (path) => nodes[path]?.content,
  };
}

const debian = {
  "/bin/bash": { content: "" },
  "/etc/passwd": {
    content: "root:x:0:0:root:/root:/bin/bash\ndev:x:1000:1000::/home/dev:/bin/bash\nsshd:x:9:9:::\n",
  },
  "/etc/group": { content: "root:x:0:\ntty:x:5:\ndev:x:1000:\n" },
  "/etc/shells": { content: "/bin/bash\n" },
  "/etc/nsswitch.conf": { content: "hosts: files dns\n" },
  "/root": { mode: 0o700 },
  "/tmp": { mode: 0o1777 },
  "/home": {},
  "/home/dev": { uid: 1000, gid: 1000, mode: 0o775 },
};

const keys = { host: makeKeyPair(), user: makeKeyPair() };
const peers: Peer[] = ["main1", "sub1"].map((host, i) => ({
  host,
  address: `10.64.0.${i + 2}`,
  user: "dev",
  hostKey: keys.host.publicKey,
  userKey: keys.user.publicKey,
}));

/** `mode uid:gid path` */
const listed = (entries: Entry[]) =>
  entries.map(({ path, mode, uid, gid }) => `${mode.toString(8)} ${uid}:${gid} ${path}`);

it("writes only the keys into a usual image", async () => {
  expect(listed(placePrepared(await survey(image(debian), ""), keys, "main1"))).toEqual([
    "755 0:0 /.skein",
    "600 0:0 /.skein/host_key",
    "700 0:0 /root/.ssh",
    "600 0:0 /root/.ssh/id_ed25519",
    "600 0:0 /root/.ssh/id_dropbear",
  ]);
});

it("does not touch the home of a user, whatever its mode", async () => {
  expect(listed(placePrepared(await survey(image(debian), "dev"), keys, "main1"))).toEqual([
    "755 0:0 /.skein",
    "600 1000:1000 /.skein/host_key",
    "700 1000:1000 /home/dev/.ssh",
    "600 1000:1000 /home/dev/.ssh/id_ed25519",
    "600 1000:1000 /home/dev/.ssh/id_dropbear",
  ]);
});

it("makes everything that is missing in an empty image", async () => {
  expect(listed(placePrepared(await survey(image({}), "77"), keys, "main1"))).toEqual([
    "644 0:0 /etc/passwd",
    "644 0:0 /etc/group",
    "644 0:0 /etc/shells",
    "644 0:0 /etc/nsswitch.conf",
    "1777 0:0 /tmp",
    "755 0:0 /.skein",
    "600 77:0 /.skein/host_key",
    "755 0:0 /home",
    "755 77:0 /home/u77",
    "700 77:0 /home/u77/.ssh",
    "600 77:0 /home/u77/.ssh/id_ed25519",
    "600 77:0 /home/u77/.ssh/id_dropbear",
  ]);
});

it("writes to /.ssh when the home is /", async () => {
  const rooted = { ...debian, "/etc/passwd": { content: "root:x:0:0::/:/bin/bash\n" }, "/": {} };
  const paths = placeStarted(await survey(image(rooted), ""), peers, "main1").map(({ path }) => path);
  expect(paths).toEqual(["/.skein/authorized_keys", "/.ssh/known_hosts", "/.ssh/config", "/.skein/placed"]);
});

it("keeps the image's own files in ~/.ssh, also its key", async () => {
  const own = {
    ...debian,
    "/home/dev/.ssh/known_hosts": { content: "github.com ssh-rsa OWN" },
    "/home/dev/.ssh/config": { content: "Host gitlab\n  User git\n" },
    "/home/dev/.ssh/id_ed25519": { content: "a key of its own" },
  };
  const seen = await survey(image(own), "dev");
  const [authorized, known, config] = placeStarted(seen, peers, "main1");
  expect(authorized!.content).toMatch(/^ssh-ed25519 /);
  expect(known!.content).toMatch(/^main1 ssh-ed25519 .*\ngithub\.com ssh-rsa OWN\n$/s);
  expect(config!.content).toMatch(
    /IdentityFile ~\/\.ssh\/id_skein\n.*Host \*\nHost gitlab\n {2}User git\n$/s,
  );
  const paths = placePrepared(seen, keys, "main1").map(({ path }) => path);
  expect(paths).toContain("/home/dev/.ssh/id_skein");
  expect(paths).not.toContain("/home/dev/.ssh/id_ed25519");
});

it("writes the client's files also where HOME is, and the file `placed` last", async () => {
  const seen = await survey(image({ ...debian, "/data": {} }), "dev", "/data/work/");
  expect(listed(placePrepared(seen, keys, "main1")).slice(5)).toEqual([
    "755 1000:1000 /data/work",
    "700 1000:1000 /data/work/.ssh",
    "600 1000:1000 /data/work/.ssh/id_ed25519",
    "600 1000:1000 /data/work/.ssh/id_dropbear",
  ]);
  expect(placeStarted(seen, peers, "main1").map(({ path }) => path)).toEqual([
    "/.skein/authorized_keys",
    "/home/dev/.ssh/known_hosts",
    "/home/dev/.ssh/config",
    "/data/work/.ssh/known_hosts",
    "/data/work/.ssh/config",
    "/.skein/placed",
  ]);
  for (const same of ["/home/dev", "/home/dev/", "relative", "", undefined]) {
    expect((await survey(image(debian), "dev", same)).homes.length).toBe(1);
  }
});

it("mends /etc/profile once, and an account's lock with the mode and owner of /etc/shadow", async () => {
  const own = {
    ...debian,
    "/etc/profile": { content: "PATH=/bin" },
    "/etc/shadow": { content: "dev:!::::::\n", mode: 0o640, gid: 42 },
  };
  const placed = placePrepared(await survey(image(own), "dev"), keys, "main1");
  const profile = placed.find(({ path }) => path === "/etc/profile")!.content as string;
  expect(profile).toMatch(/^PATH=\/bin\n# Skein: .*\n.*login-path "\$PATH".*\n$/);
  expect(placed.find(({ path }) => path === "/etc/shadow")).toMatchObject({
    mode: 0o640,
    gid: 42,
    content: "dev:*::::::\n",
  });
  const again = placePrepared(
    await survey(image({ ...own, "/etc/profile": { content: profile } }), "dev"),
    keys,
    "main1",
  );
  expect(again.map(({ path }) => path)).not.toContain("/etc/profile");
});

it("packs entries with their modes and owners", async () => {
  const tar = await packEntries([
    { path: "/a", type: "directory", mode: 0o700, uid: 5, gid: 6 },
    { path: "/a/b", type: "file", mode: 0o600, uid: 7, gid: 8, content: "text ж" },
  ]);
  const seen: unknown[] = [];
  for await (const entry of Readable.from([tar]).pipe(extract())) {
    const { name, type, mode, uid, gid, size } = entry.header;
    seen.push({ name, type, mode, uid, gid, size });
    entry.resume();
  }
  expect(seen).toEqual([
    { name: "a", type: "directory", mode: 0o700, uid: 5, gid: 6, size: 0 },
    { name: "a/b", type: "file", mode: 0o600, uid: 7, gid: 8, size: 7 },
  ]);
});

it("reads a container through archives, follows links, and reads only the header of a directory", async () => {
  const asked: string[] = [];
  const links: Record<string, string> = { "/bin/sh": "dash", "/bin/dash": "", "/bin/ash": "/none" };
  const head = async (path: string) => (path in links ? { linkTarget: links[path]! } : undefined);
  const files = containerFiles(async (path) => {
    asked.push(path);
    const tar = pack();
    if (path === "/home/dev") {
      tar.entry({ name: "dev", type: "directory", mode: 0o750, uid: 1000, gid: 1000 });
      // Never finalised, so that a reader of the rest would wait for ever.
      return Readable.from(tar);
    }
    if (path === "/bin/sh") tar.entry({ name: "sh", type: "symlink", linkname: "dash" });
    else if (path === "/bin/dash") tar.entry({ name: "dash", mode: 0o755 }, "a shell");
    else return undefined;
    tar.finalize();
    return Readable.from(tar);
  }, head);
  expect(await files.stat("/home/dev")).toEqual({ type: "directory", mode: 0o750, uid: 1000, gid: 1000 });
  expect(await files.read("/bin/sh")).toBe("a shell");
  expect(await files.stat("/bin/none")).toBe(undefined);
  expect(asked).toEqual(["/home/dev", "/bin/sh", "/bin/dash", "/bin/none"]);
  expect(await Promise.all(["/bin/sh", "/bin/ash", "/bin/none"].map(files.exists))).toEqual([
    true,
    false,
    false,
  ]);
});

it("refuses a file that is too large for the agent's memory", async () => {
  const tar = pack();
  let sent = 0;
  const entry = tar.entry({ name: "passwd", size: 2 ** 40 });
  const feed = () => {
    while (!tar.destroyed && sent < 2 ** 26) {
      sent += 65_536;
      if (!entry.write(Buffer.alloc(65_536))) return void entry.once("drain", feed);
    }
  };
  feed();
  const source = Readable.from(tar);
  const files = containerFiles(
    async () => source,
    async () => ({ linkTarget: "" }),
  );
  await expect(files.read("/etc/passwd")).rejects.toThrow(/the image's passwd has 1099511627776 bytes/);
  expect(source.destroyed).toBe(true);
  expect(sent).toBeLessThan(2 ** 24);
});
