import { expect, it } from "vitest";
import { authorizedKeys, knownHosts, type Peer, sshConfig, withConfig, withLines } from "./ssh-files.ts";

const peer = (host: string, address: string, user = "root"): Peer => ({
  host,
  address,
  user,
  hostKey: `ssh-ed25519 HOST${host}`,
  userKey: `ssh-ed25519 USER${host}`,
});
const peers = [peer("main1", "10.64.0.2"), peer("sub1", "10.64.0.3", "dev"), peer("sub2", "10.64.0.4")];

it("knows every host by name and address, on both ports", () => {
  expect(knownHosts(peers.slice(0, 1))).toBe(
    [
      "main1 ssh-ed25519 HOSTmain1",
      "10.64.0.2 ssh-ed25519 HOSTmain1",
      "[main1]:2200,[10.64.0.2]:2200 ssh-ed25519 HOSTmain1",
      "",
    ].join("\n"),
  );
});

it("authorises every user key below what the image has, once", () => {
  const ours = authorizedKeys(peers.slice(0, 2));
  expect(ours).toBe("ssh-ed25519 USERmain1 main1\nssh-ed25519 USERsub1 sub1\n");
  const merged = withLines("ssh-rsa AAAA somebody", ours);
  expect(merged).toBe(`ssh-rsa AAAA somebody\n${ours}`);
  expect(withLines(merged, ours)).toBe(merged);
  expect(withLines(undefined, ours)).toBe(ours);
});

it("configures only hosts with another user", () => {
  expect(sshConfig(peers, "root")).toBe("Host sub1 10.64.0.3\n  User dev\n");
  expect(sshConfig(peers.slice(0, 1), "root")).toBe("");
});

it("names the key where it is not at its default place", () => {
  expect(sshConfig(peers.slice(0, 2), "root", "/root/.ssh/id_skein")).toBe(
    "Host main1 10.64.0.2\n  IdentityFile /root/.ssh/id_skein\n" +
      "Host sub1 10.64.0.3\n  User dev\n  IdentityFile /root/.ssh/id_skein\n",
  );
});

it("goes before the image's configuration, which keeps its meaning, and replaces what it wrote before", () => {
  const own = "ForwardAgent yes\nHost gitlab\n  User git\n";
  const once = withConfig(own, "Host a\n  User x\n");
  expect(once).toBe(`# Skein: this session's hosts\nHost a\n  User x\n# Skein: end\nHost *\n${own}`);
  expect(withConfig(once, "Host b\n  User y\n")).toBe(withConfig(own, "Host b\n  User y\n"));
  expect(withConfig(once, "")).toBe(own);
});
