import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { FAMILIES } from "../shared/frameworks/frameworks.ts";
import { UsageError } from "./cli-error.ts";
import { defineCommand, readInput } from "./command.ts";
import { REQUEST_OPTIONS, readRequest } from "./request.ts";

const command = defineCommand({ options: REQUEST_OPTIONS, rest: "COMMAND", async run() {} });
const directory = mkdtempSync(join(tmpdir(), "skein-request-"));
afterAll(() => rmSync(directory, { recursive: true }));

function request(...argv: string[]) {
  const { options, rest } = readInput(command, argv);
  return readRequest(options, rest);
}

function file(content: unknown): string {
  const path = join(directory, "request.json");
  writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content));
  return path;
}

describe("options", () => {
  test("become the request, and only those that were given", () => {
    expect(request("--image", "a")).toEqual({ image: "a" });
    expect(
      request(
        ...["--image", "a", "--name", "n", "--size", "4", "--mode", "multi-node", "-e", "A=1", "-e", "B=2"],
        ...[
          "--cpu",
          "0.5",
          "--memory",
          "1GiB",
          "--gpu",
          "2",
          "--shm",
          "64MiB",
          "--user",
          "1000",
          "--workdir",
          "/w",
        ],
        ...["--secret-env", "TOKEN=s"],
        ...["--mount", "/data:/d", "--device", "/dev/fuse", "--privileged", "--host-network"],
        ...["--pack", "--label", "zone=a", "--no-egress", "--priority", "7"],
        ...["--max-duration", "2h", "--queue-timeout", "30"],
      ),
    ).toEqual({
      image: "a",
      name: "n",
      clusterSize: 4,
      clusterMode: "multi-node",
      env: { A: "1", B: "2" },
      secretEnv: { TOKEN: "s" },
      resources: { cpu: 0.5, memory: "1GiB", gpu: 2, shm: "64MiB" },
      user: "1000",
      workdir: "/w",
      placement: { strategy: "pack", labels: { zone: "a" } },
      network: { egress: false },
      priority: 7,
      maxDuration: 7200,
      queueTimeout: 30,
      mounts: [{ source: "/data", target: "/d", readOnly: true }],
      devices: ["/dev/fuse"],
      privileged: true,
      hostNetwork: true,
    });
  });

  test("of ulimits and launchers", () => {
    expect(
      request(
        ...["--image", "a", "--ulimit", "nofile=65536", "--ulimit", "memlock=64MiB"],
        ...["--framework", "torchEnv", "--no-framework", "mpi"],
      ),
    ).toEqual({
      image: "a",
      ulimits: { nofile: 65536, memlock: 2 ** 26 },
      frameworks: { mpi: false, torchEnv: true },
    });
    expect(request("--image", "a", "--ulimit", "memlock=unlimited").ulimits).toEqual({
      memlock: "unlimited",
    });
    const only = request("--image", "a", "--no-framework", "all", "--framework", "pdsh").frameworks!;
    expect(Object.entries(only).filter(([, on]) => on)).toEqual([["pdsh", true]]);
    expect(Object.keys(only)).toEqual([...FAMILIES]);
    for (const wrong of [
      ["--framework", "slurm"],
      ["--no-framework", ""],
      ["--ulimit", "core=1"],
      ["--ulimit", "nofile=x"],
    ])
      expect(() => request("--image", "a", ...wrong)).toThrow(UsageError);
  });

  test("override a file's, object by object", () => {
    const path = file({ image: "a", clusterSize: 2, env: { A: "1", B: "1" } });
    expect(request("-f", path, "--name", "n", "--env", "B=2")).toEqual({
      image: "a",
      clusterSize: 2,
      name: "n",
      env: { A: "1", B: "2" },
    });
  });
});

describe("-- COMMAND", () => {
  test("runs in main1, and the others idle", () => {
    expect(request("--image", "a", "--size", "3", "--", "echo", "-n")).toEqual({
      image: "a",
      roles: [
        { name: "main", replicas: 1, command: ["echo", "-n"] },
        { name: "sub", replicas: 2 },
      ],
    });
  });

  test("in a session of one needs no roles", () => {
    expect(request("--image", "a", "--", "true")).toEqual({ image: "a", clusterSize: 1, command: ["true"] });
  });

  test("with --each runs in all", () => {
    expect(request("--image", "a", "--size", "3", "--each", "--", "true")).toEqual({
      image: "a",
      clusterSize: 3,
      command: ["true"],
    });
  });

  test("goes to the file's own main", () => {
    const path = file({
      image: "a",
      roles: [
        { name: "worker", replicas: 2 },
        { name: "main", replicas: 1, user: "u" },
      ],
    });
    expect(request("-f", path, "--", "true").roles).toEqual([
      { name: "worker", replicas: 2 },
      { name: "main", replicas: 1, user: "u", command: ["true"] },
    ]);
  });
});

describe("a missing or invalid request", () => {
  test("is wrong usage if options are missing", () => {
    expect(() => request("--size", "4")).toThrow(new UsageError("--image or --file is missing"));
    expect(() => request("--image", "a", "--each")).toThrow(UsageError);
  });

  test("is a failure that names the file", () => {
    expect(() => request("-f", file("[]"))).toThrow("must hold one object");
  });
});
