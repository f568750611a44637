/** `ssh -L` to Debian's sshd on the container's host, which connects with the container: what people use where hosts accept connections. */
import { spawn } from "node:child_process";
import {
  appendFileSync,
  copyFileSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
} from "node:fs";
import { connect } from "node:net";
import { dirname, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { unpackPackages } from "../../agent/kit/debian-packages.ts";
import { run } from "../../test/lab/command.ts";
import { stateDir } from "../../test/lab/state.ts";
import type { Job } from "./job.ts";
import type { Way } from "./way.ts";

const DIR = join(stateDir, "openssh");
const SSHD_PORT = 2222;
const FIRST_LOCAL = 18_000;

/** Downloads it once. Nothing is installed. */
export async function ensureOpenSsh(): Promise<void> {
  if (existsSync(DIR)) return;
  mkdirSync(stateDir, { recursive: true });
  const scratch = mkdtempSync(join(stateDir, "openssh-"));
  await unpackPackages(["openssh-server", "openssh-client"], scratch, join(scratch, "tree"));
  renameSync(join(scratch, "tree"), DIR);
  rmSync(scratch, { recursive: true });
}

/** Call it inside the lab: it changes the lab's own view of /etc/passwd and /run. */
export async function sshWay({ host, address }: Job, ports: readonly number[]): Promise<Way> {
  const keys = join(host.dir, "ssh");
  mkdirSync(keys);
  const env = environment();
  for (const name of ["host", "user"])
    await run([program("usr/bin/ssh-keygen"), "-q", "-t", "ed25519", "-N", "", "-f", join(keys, name)], {
      env,
    });
  await allowSshd(host.dir);
  const options = [
    ...["UsePAM=no", "PidFile=none", "StrictModes=no"],
    `AuthorizedKeysFile=${join(keys, "user.pub")}`,
  ];
  const server = host.spawn(
    [
      ...[program("usr/sbin/sshd"), "-D", "-r", "-f", "/dev/null", "-h", join(keys, "host")],
      ...["-p", String(SSHD_PORT), ...options.flatMap((option) => ["-o", option])],
    ],
    { env, logFile: join(host.dir, "sshd.log") },
  );
  const local = (port: number) => FIRST_LOCAL + ports.indexOf(port);
  const client = spawn(
    program("usr/bin/ssh"),
    [
      ...["-F", "none", "-N", "-i", join(keys, "user"), "-p", String(SSHD_PORT)],
      ...["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR"],
      ...["-o", "ConnectionAttempts=10"],
      ...ports.flatMap((port) => ["-L", `127.0.0.1:${local(port)}:${address}:${port}`]),
      `root@${host.address}`,
    ],
    { env, stdio: ["ignore", "inherit", "inherit"] },
  );
  while (!(await accepts(local(ports[0]!)))) await pause(50);
  return {
    name: "ssh",
    local,
    async close() {
      client.kill();
      server.kill();
    },
  };
}

function program(path: string): string {
  return join(DIR, path);
}

function environment(): NodeJS.ProcessEnv {
  const libraries = globSync("**/*.so.*", { cwd: DIR }).map((path) => dirname(join(DIR, path)));
  return { ...process.env, LD_LIBRARY_PATH: [...new Set(libraries)].join(":") };
}

/** As root sshd wants a user and a directory of its own. */
async function allowSshd(dir: string): Promise<void> {
  mkdirSync("/run/sshd", { recursive: true, mode: 0o755 });
  if (/^sshd:/m.test(readFileSync("/etc/passwd", "utf8"))) return;
  const passwd = join(dir, "passwd");
  copyFileSync("/etc/passwd", passwd);
  appendFileSync(passwd, "sshd:x:64222:65534::/run/sshd:/usr/sbin/nologin\n");
  await run(["mount", "--bind", passwd, "/etc/passwd"]);
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => resolve(true)).on("error", () => resolve(false));
    socket.end();
  });
}
