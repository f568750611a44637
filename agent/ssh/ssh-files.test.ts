import { expect, it } from "vitest";
import { authorizedKeys, knownHosts, type Peer, sshConfig, withConfig, withLines } from "./ssh-files.ts";
import { publicLine } from "./ssh-keys.ts";

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

it("lists every host by name and address, on both ports", () => {
  expect(knownHosts(peers.slice(0, 1))).toBe(
    [
      `main1 ${publicLine(raw(1))}`,
      `10.64.0.2 ${publicLine(raw(1))}`,
      `[main1]:2200,[10.64.0.2]:2200 ${publicLine(raw(1))}`,
      "",
    ].join("\n"),
  );
});

it("adds every user key below the image's own, once", () => {
  const ours = authorizedKeys(peers.slice(0, 2));
  const [m, s] = ["m", "s"].map((letter) => publicLine(raw(letter.charCodeAt(0))));
  expect(ours).toBe(`${m} main1\n${s} sub1\n`);
  const merged = withLines("ssh-rsa AAAA somebody", ours);
  expect(merged).toBe(`ssh-rsa AAAA somebody\n${ours}`);
  expect(withLines(merged, ours)).toBe(merged);
  expect(withLines(undefined, ours)).toBe(ours);
});

it("configures only hosts with another login name", () => {
  expect(sshConfig(peers, "root")).toBe("Host sub1 10.64.0.3\n  User dev\n");
  expect(sshConfig(peers.slice(0, 1), "root")).toBe("");
});

it("names the key's path when it is not the default", () => {
  expect(sshConfig(peers.slice(0, 2), "root", "/root/.ssh/id_skein")).toBe(
    "Host main1 10.64.0.2\n  IdentityFile /root/.ssh/id_skein\n" +
      "Host sub1 10.64.0.3\n  User dev\n  IdentityFile /root/.ssh/id_skein\n",
  );
});

it("comes before the image's configuration without changing its meaning, and replaces an earlier block", () => {
  const own = "ForwardAgent yes\nHost gitlab\n  User git\n";
  const once = withConfig(own, "Host a\n  User x\n");
  expect(once).toBe(`# Skein: this session's hosts\nHost a\n  User x\n# Skein: end\nHost *\n${own}`);
  expect(withConfig(once, "Host b\n  User y\n")).toBe(withConfig(own, "Host b\n  User y\n"));
  expect(withConfig(once, "")).toBe(own);
});
