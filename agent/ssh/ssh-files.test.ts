import { expect, it } from "vitest";
import { ed25519Line } from "../../shared/ssh/public-key.ts";
import { authorizedKeys, knownHosts, type Peer, sshConfig, withConfig, withLines } from "./ssh-files.ts";

/** A raw key of 32 equal bytes. */
const raw = (byte: number) => Buffer.alloc(32, byte).toString("base64url");

const peer = (host: string, address: string, user = "root"): Peer => ({
  host,
  address,
  user,
  hostKey: raw(1),
  userKey: raw(host.charCodeAt(0)),
});
const peers = [peer("main1", "10.64.0.2"), peer("sub1", "10.64.0.3", "dev"), peer("sub2", "10.64.0.4")];

it("lists every host by name and address, and the container itself also by its local names, on both ports", () => {
  const key = ed25519Line(raw(1));
  expect(knownHosts(peers.slice(0, 2), "sub1")).toBe(
    [
      `main1 ${key}`,
      `10.64.0.2 ${key}`,
      `[main1]:2200,[10.64.0.2]:2200 ${key}`,
      `sub1 ${key}`,
      `10.64.0.3 ${key}`,
      `[sub1]:2200,[10.64.0.3]:2200 ${key}`,
      `localhost ${key}`,
      `127.0.0.1 ${key}`,
      `::1 ${key}`,
      `ip6-localhost ${key}`,
      `[localhost]:2200,[127.0.0.1]:2200,[::1]:2200,[ip6-localhost]:2200 ${key}`,
      "",
    ].join("\n"),
  );
});

it("comes before the image's own lines, once", () => {
  const ours = authorizedKeys(peers.slice(0, 2));
  const [m, s] = ["m", "s"].map((letter) => ed25519Line(raw(letter.charCodeAt(0))));
  expect(ours).toBe(`${m} main1\n${s} sub1\n`);
  const merged = withLines("ssh-rsa AAAA somebody", ours);
  expect(merged).toBe(`${ours}ssh-rsa AAAA somebody\n`);
  expect(withLines(merged, ours)).toBe(merged);
  expect(withLines(undefined, ours)).toBe(ours);
});

const own = "main1";

it("turns every other name of a host into its name, and has a block for each login name", () => {
  const config = sshConfig(peers, own, "id_skein");
  const blocks = config
    .split(/^(?=Match)/m)
    .map((block) => block.split("\n").filter((line) => /Match|HostName|User |IdentityFile/.test(line)));
  expect(blocks).toEqual([
    ["Match host localhost,127.0.0.1,::1,ip6-localhost", "  HostName main1"],
    ["Match host 10.64.0.2", "  HostName main1"],
    ["Match host 10.64.0.3", "  HostName sub1"],
    ["Match host 10.64.0.4", "  HostName sub2"],
    ["Match host main1,sub2", "  HostName %h", "  User root", "  IdentityFile ~/.ssh/id_skein"],
    ["Match host sub1", "  HostName %h", "  User dev", "  IdentityFile ~/.ssh/id_skein"],
    ["Match host MAIN1,SUB1,SUB2"],
  ]);
});

it("keeps the image's proxies away in OpenSSH, without a word that asyncssh would run", () => {
  const blocks = sshConfig(peers, own, "id_skein").split(/^(?=Match)/m);
  const proxied = blocks.filter((block) => block.includes("Proxy"));
  expect(proxied.join("")).not.toMatch(/^Match host .*[a-z]/m);
  expect(proxied.at(-1)).toBe("Match host MAIN1,SUB1,SUB2\n  ProxyCommand none\n");
});

it("grows with the number of hosts, in lines that old clients can read", () => {
  const many = Array.from({ length: 1024 }, (_, i) => peer(`sub${i + 1}`, `10.64.${i >> 8}.${i & 255}`));
  const config = sshConfig(many, own, "id_ed25519");
  expect(Math.max(...config.split("\n").map((line) => line.length))).toBeLessThan(1023);
  expect(config.length).toBeLessThan(65_000);
  const named = [...config.matchAll(/^Match host (.*)$/gm)].flatMap(([, names]) => names!.split(","));
  expect(named.slice(4, 4 + 1024)).toEqual(many.map(({ address }) => address));
  expect(named.slice(4 + 1024, 4 + 2048)).toEqual(many.map(({ host }) => host));
});

it("comes before the image's configuration without changing its meaning, and replaces an earlier block", () => {
  const own = "ForwardAgent yes\nHost gitlab\n  User git\n";
  const once = withConfig(own, "Host a\n  User x\n");
  expect(once).toBe(`# Skein: this session's hosts\nHost a\n  User x\n# Skein: end\nHost *\n${own}`);
  expect(withConfig(once, "Host b\n  User y\n")).toBe(withConfig(own, "Host b\n  User y\n"));
});
