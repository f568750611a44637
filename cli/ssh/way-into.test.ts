import { expect, test } from "vitest";
import { chooseHost, refuseOddNames } from "./way-into.ts";

const CONTAINERS = ["main1", "sub1", "sub2"].map((host) => ({ host, role: host.slice(0, -1) }));

test.each([
  [[], "main1", []],
  [["sub2"], "sub2", []],
  [["sub2", "sub1"], "sub2", ["sub1"]],
  [["hostname"], "main1", ["hostname"]],
  [["python3", "x.py"], "main1", ["python3", "x.py"]],
  [["-L", "80:localhost:80"], "main1", ["-L", "80:localhost:80"]],
  [["sub1", "-N", "-L", "80:localhost:80"], "sub1", ["-N", "-L", "80:localhost:80"]],
])("%j goes to %s", (words, host, args) => {
  expect(chooseHost(CONTAINERS, words)).toEqual({ container: expect.objectContaining({ host }), args });
});

test("a word that can only be meant as a container is no command", () => {
  for (const word of ["sub3", "main2"])
    expect(() => chooseHost(CONTAINERS, [word, "hostname"])).toThrow(`there is no container ${word}`);
});

const NAMES = { id: "ses_1", name: "train" };
const ssh = {
  user: "dev",
  hostKey: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJyZ0sm8EZiGxAUPvNDyvlyYwqiphs5skQu6vd0f5vLb",
};
const main = { host: "main1", role: "main", ssh };
const EVIL = "x\n  ProxyCommand touch /tmp/here";

test("what a container is called in a true answer is fine", () => {
  expect(() => refuseOddNames(NAMES, [main])).not.toThrow();
});

test.each([
  ["an id", { ...NAMES, id: `--help${EVIL}` }, [main]],
  ["a session", { ...NAMES, name: EVIL }, [main]],
  ["a container", NAMES, [main, { ...main, host: EVIL }]],
  ["a user", NAMES, [main, { ...main, ssh: { ...ssh, user: EVIL } }]],
  ["a user with an option", NAMES, [{ ...main, ssh: { ...ssh, user: "-oProxyCommand=x" } }]],
  ["a host key", NAMES, [{ ...main, ssh: { ...ssh, hostKey: `${ssh.hostKey}\n* ${ssh.hostKey}` } }]],
])("%s that would be settings of OpenSSH is refused", (_, session, containers) => {
  expect(() => refuseOddNames(session, containers)).toThrow("the API's answer cannot be used for OpenSSH");
});
