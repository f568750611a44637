import { expect, test } from "vitest";
import { chooseHost } from "./way-into.ts";

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
