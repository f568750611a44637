/** Shapes of images, for the table of SSH: what an image brings that could be in the way of its server or its clients. */
import type { Entry } from "../../agent/ssh/place.ts";
import type { Wanted } from "./kit-session.ts";

const DEBIAN = "skein/debian:12";
const BUSYBOX = "skein/busybox:1";
const root = { uid: 0, gid: 0 };
const file = (path: string, content: string, more: Partial<Entry> = {}): Entry => ({
  path,
  type: "file",
  mode: 0o644,
  ...root,
  ...more,
  content,
});
const folder = (path: string, mode: number, uid = 0): Entry => ({
  path,
  type: "directory",
  mode,
  uid,
  gid: 0,
});
const passwd = (...lines: string[]) => file("/etc/passwd", lines.map((line) => `${line}\n`).join(""));
const ROOT = "root:x:0:0:root:/root:/bin/sh";

/** Settings that each by itself would keep a client from the session's hosts. */
const hostile = `Host *
  Port 2222
  User somebody
  HostName gateway.invalid
  IdentityFile /no/such/key
  IdentitiesOnly yes
  ProxyCommand false
  PreferredAuthentications password
  PubkeyAuthentication no
  StrictHostKeyChecking yes
  UserKnownHostsFile /dev/null
  HostKeyAlgorithms rsa-sha2-512
`;
const manyKeys = Array.from({ length: 25 }, (_, i) => `IdentityFile ~/.ssh/key${i}\n`).join("");

/** Starts a server of the image's own: the kit's program, since these images have none. Prints `served` when it does not serve. */
const ownServer = (port: number) => [
  "/.skein/kit/bin/sh",
  "-c",
  `cp /.skein/host_key /dev/shm/key; chmod 600 /dev/shm/key
   /.skein/kit/bin/login-server -D -e -f /dev/null -h /dev/shm/key -p ${port}; echo "own server ended"; sleep inf`,
];

/** Each is a container of the table. The names say what is odd about it. */
export const shapes: readonly Wanted[] = [
  { host: "debian", image: DEBIAN },
  { host: "user", image: "skein/debian-user:12" },
  { host: "number", image: DEBIAN, user: "4242" },
  { host: "busybox", image: BUSYBOX },
  { host: "empty", image: "skein/empty:1" },
  { host: "emptyuser", image: "skein/empty:1", user: "77" },
  {
    host: "tmphome",
    image: BUSYBOX,
    user: "app",
    own: [passwd(ROOT, "app:x:500:500::/tmp:/bin/sh"), folder("/tmp", 0o1777)],
  },
  {
    host: "nologin",
    image: DEBIAN,
    user: "app:500",
    own: [passwd(ROOT, "app:x:500:100::/srv/app:/usr/sbin/nologin"), folder("/srv/app", 0o777, 500)],
  },
  {
    host: "noshell",
    image: DEBIAN,
    own: [passwd("root:!:0:0:root:/root:/bin/ksh"), file("/etc/shadow", "root:!locked:19000:0:99999:7:::\n")],
  },
  { host: "homevar", image: DEBIAN, env: ["HOME=/data/work"], own: [folder("/data", 0o755)] },
  {
    host: "baked",
    image: DEBIAN,
    user: "dev",
    own: [
      folder("/home/dev/.ssh", 0o777, 7),
      file("/home/dev/.ssh/config", hostile, { mode: 0o666, uid: 7 }),
      file(
        "/home/dev/.ssh/known_hosts",
        "debian ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINotTheKeyOfThisSession\n",
        {
          mode: 0o666,
          uid: 7,
        },
      ),
      file("/home/dev/.ssh/id_ed25519", "no key at all\n", { mode: 0o644, uid: 7 }),
    ],
  },
  {
    host: "hostile",
    image: DEBIAN,
    own: [folder("/etc/ssh", 0o755), file("/etc/ssh/ssh_config", hostile)],
  },
  {
    host: "manykeys",
    image: DEBIAN,
    own: [
      folder("/root/.ssh", 0o700),
      file("/root/.ssh/config", manyKeys),
      ...Array.from({ length: 25 }, (_, i) => file(`/root/.ssh/key${i}`, "no key\n", { mode: 0o600 })),
    ],
  },
  {
    host: "profile",
    image: BUSYBOX,
    own: [file("/etc/profile", "export PATH=/bin\n")],
  },
  {
    host: "dash",
    image: DEBIAN,
    own: [
      passwd("root:x:0:0:root:/root:/bin/dash"),
      file("/etc/profile", "PATH=/usr/bin:/bin; export PATH\n"),
    ],
  },
  {
    host: "zsh",
    image: "skein/shells:12",
    // Else zsh asks a new user what to put into it.
    own: [passwd("root:x:0:0:root:/root:/bin/zsh"), file("/root/.zshrc", "")],
  },
  { host: "fish", image: "skein/shells:12", own: [passwd("root:x:0:0:root:/root:/usr/bin/fish")] },
  {
    host: "preload",
    image: DEBIAN,
    env: ["LD_PRELOAD=/nonexistent/library.so", "IFS=x", "OPENSSL_CONF=/no"],
  },
  { host: "server22", image: DEBIAN, argv: ownServer(22) },
  {
    host: "server2222",
    image: DEBIAN,
    argv: ownServer(2222),
    own: [folder("/etc/ssh", 0o755), file("/etc/ssh/ssh_config", "Host *\n  Port 2222\n")],
  },
];
