import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { type Reachable, sshConfigBlock, sshOptions, type Way } from "./ssh-settings.ts";

const KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJyZ0sm8EZiGxAUPvNDyvlyYwqiphs5skQu6vd0f5vLb";
const containers: Reachable[] = [
  { host: "main1", role: "main", ssh: { user: "root", hostKey: KEY } },
  { host: "sub1", role: "sub", ssh: { user: "dev", hostKey: KEY } },
];
/** Names with all that OpenSSH or a shell might read as something else. */
const way: Way = {
  session: { id: "ses_1", name: "train" },
  skein: "/it's 100% here/skein",
  environment: { SKEIN_API: null, SKEIN_CONTEXT: "my lab" },
  identity: "/home/a b/100%/id_rsa",
  knownHosts: "/home/a b/hosts",
};

const dir = mkdtempSync(join(tmpdir(), "skein-ssh-config-"));
afterAll(() => rmSync(dir, { recursive: true }));

/** The settings as OpenSSH has read them, the first of each. What a user's own file says comes after. */
function settings(args: string[], own = ""): Record<string, string> {
  const file = join(dir, "config");
  writeFileSync(file, `${sshConfigBlock(way, containers)}${own}`);
  const printed = execFileSync("ssh", ["-T", "-G", "-F", file, ...args], { encoding: "utf8" });
  const lines = printed.trimEnd().split("\n").toReversed();
  return Object.fromEntries(lines.map((line) => line.split(/ (.*)/).slice(0, 2)));
}

/** Against all of this the block has to hold. */
const OWN = `
Host *
  User someone
  Port 2222
  ProxyJump bastion
  IdentityFile ~/.ssh/other
  IdentitiesOnly no
  StrictHostKeyChecking no
  UserKnownHostsFile /dev/null
  ServerAliveInterval 7
`;
const PROXY = "env -u SKEIN_API 'SKEIN_CONTEXT=my lab' '/it'\\''s 100%% here/skein' forward --stdio ses_1";

const hasSsh = spawnSync("ssh", ["-V"]).error === undefined;

describe.skipIf(!hasSsh)("OpenSSH reads", () => {
  test("each container's user, way, key and known hosts, whatever the user's own file says", () => {
    for (const [host, user] of [
      ["main1", "root"],
      ["sub1", "dev"],
    ]) {
      expect(settings([`${host}.train.skein`], OWN)).toMatchObject({
        user,
        port: "22",
        proxycommand: `${PROXY} ${host}:22`,
        identityfile: "/home/a b/100%%/id_rsa",
        identitiesonly: "yes",
        stricthostkeychecking: "true",
        userknownhostsfile: "/home/a b/hosts",
        hostkeyalgorithms: "ssh-ed25519",
        serveraliveinterval: "7",
      });
    }
  });

  test("nothing for other hosts", () => {
    const { proxycommand, userknownhostsfile } = settings(["example.com"]);
    expect(proxycommand).toBeUndefined();
    expect(userknownhostsfile).not.toContain("/home/a b");
  });

  test("the same on a command line", () => {
    const other = settings([...sshOptions(way, containers[1]!), "elsewhere"], OWN);
    expect(other).toMatchObject({
      user: "dev",
      proxycommand: `${PROXY} sub1:22`,
      stricthostkeychecking: "true",
    });
    expect(other["identityfile"]).toBe("/home/a b/100%%/id_rsa");
  });
});
