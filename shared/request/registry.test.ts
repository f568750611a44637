import { describe, expect, test } from "vitest";
import { namedHost, RegistryHost, registryOf, repositoryOf } from "./registry.ts";

describe("an image's registry", () => {
  test.each([
    ["debian", null, "docker.io/library/debian"],
    ["debian:12", null, "docker.io/library/debian"],
    ["team/app:1", null, "docker.io/team/app"],
    ["docker.io/debian", "docker.io", "docker.io/library/debian"],
    ["index.docker.io/team/app", "docker.io", "docker.io/team/app"],
    ["localhost/app", "localhost", "localhost/app"],
    ["ghcr.io/team/app:1", "ghcr.io", "ghcr.io/team/app"],
    ["Registry.Example:5000/team/app", "registry.example:5000", "registry.example:5000/team/app"],
    ["r.example:5000/a/b:2@sha256:00ff", "r.example:5000", "r.example:5000/a/b"],
    ["r.example/app@sha256:00ff", "r.example", "r.example/app"],
    // No slash: a name with a tag, or an image's id.
    ["registry.example:5000", null, "docker.io/library/registry.example"],
    ["sha256:00ff", null, "docker.io/library/sha256"],
  ])("of %s is %s, its repository %s", (image, host, repository) => {
    expect(namedHost(image)).toBe(host);
    expect(registryOf(image)).toBe(host ?? "docker.io");
    expect(repositoryOf(image)).toBe(repository);
  });

  test.each(["ghcr.io", "localhost", "localhost:5000", "198.51.100.2:5000", "r-1.example"])(
    "%s is a host",
    (host) => {
      expect(RegistryHost.parse(host)).toBe(host);
      expect(namedHost(`${host}/a`)).toBe(host);
    },
  );

  test.each([
    "team",
    "https://ghcr.io",
    "ghcr.io/team",
    "GHCR.io",
    "",
    ".",
    "a b.c",
    "r.example:",
    "-r.example",
  ])("%j is none", (host) => {
    expect(RegistryHost.safeParse(host).success).toBe(false);
  });

  test("Docker Hub has one name", () => {
    expect(RegistryHost.parse("index.docker.io")).toBe("docker.io");
  });
});
