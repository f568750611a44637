import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { SkeinError } from "../errors/errors.ts";
import { DEFAULT_SETTINGS } from "../settings/settings.ts";
import { readRequest, readSpec } from "./spec.ts";

const read = (body: unknown) => readSpec(body, DEFAULT_SETTINGS);

/** What a request is refused with: the code, and the fields at fault. */
function refusalOf(body: unknown): { code: string; fields: string[] } {
  try {
    read(body);
  } catch (error) {
    if (!(error instanceof SkeinError)) throw error;
    return { code: error.code, fields: (error.extra.errors ?? []).map((each) => each.field) };
  }
  throw new Error("was accepted");
}

const main = { name: "main", replicas: 1 };
const withRoles = (...roles: unknown[]) => ({ image: "debian:12", roles });

describe("bad requests", () => {
  test.each<[string, unknown, string, string]>([
    ["a role with 0 replicas", withRoles({ ...main, replicas: 0 }), "invalid_request", "roles[0].replicas"],
    [
      "a role name that ends in a digit",
      withRoles(main, { name: "w1", replicas: 1 }),
      "invalid_request",
      "roles[1].name",
    ],
    ["an unknown field", { image: "a", size: 4 }, "invalid_request", "size"],
    ["an unknown field of a role", withRoles({ ...main, gpu: 1 }), "invalid_request", "roles[0].gpu"],
    ["an unknown resource", { image: "a", resources: { disk: 1 } }, "invalid_request", "resources.disk"],
    [
      "encryption required",
      { image: "a", network: { encryption: "required" } },
      "unsupported",
      "network.encryption",
    ],
    ["restarts and no policy", { image: "a", maxRestarts: 3 }, "invalid_request", "maxRestarts"],
    [
      "restarts with another policy",
      { image: "a", onExit: "ignore", maxRestarts: 3 },
      "invalid_request",
      "maxRestarts",
    ],
    [
      "restarts of a role with another policy",
      {
        ...withRoles({ ...main, onExit: "fail", maxRestarts: 3 }, { name: "sub", replicas: 1 }),
        onExit: "restart",
      },
      "invalid_request",
      "roles[0].maxRestarts",
    ],
    ["no restarts", { image: "a", onExit: "restart", maxRestarts: 0 }, "invalid_request", "maxRestarts"],
    [
      "a mount of /",
      { image: "a", mounts: [{ source: "/", target: "/d" }] },
      "invalid_request",
      "mounts[0].source",
    ],
    [
      "a mount of a path that leads upwards",
      { image: "a", mounts: [{ source: "/data/../etc", target: "/d" }] },
      "invalid_request",
      "mounts[0].source",
    ],
    [
      "a mount over what is Skein's",
      withRoles({ ...main, mounts: [{ source: "/data", target: "/.skein/kit" }] }),
      "invalid_request",
      "roles[0].mounts[0].target",
    ],
    [
      "a mount over the names of the session",
      { image: "a", mounts: [{ source: "/data", target: "/etc" }] },
      "invalid_request",
      "mounts[0].target",
    ],
    [
      "two mounts in one place",
      {
        image: "a",
        mounts: [
          { source: "/a", target: "/d" },
          { source: "/b", target: "/d" },
        ],
      },
      "invalid_request",
      "mounts[1].target",
    ],
    ["a mount as Docker writes it", { image: "a", mounts: ["/data:/d"] }, "invalid_request", "mounts[0]"],
    ["a device that is no path", { image: "a", devices: ["fuse"] }, "invalid_request", "devices[0]"],
    [
      "the node's network without a way out",
      { ...withRoles({ ...main, hostNetwork: true }), network: { egress: false } },
      "invalid_request",
      "network.egress",
    ],
    ["101 restarts", { image: "a", onExit: "restart", maxRestarts: 101 }, "invalid_request", "maxRestarts"],
    ["half a restart", { image: "a", onExit: "restart", maxRestarts: 1.5 }, "invalid_request", "maxRestarts"],
    ["an unknown policy", { image: "a", onExit: "retry" }, "invalid_request", "onExit"],
    ["a limit of no time", { image: "a", maxDuration: 0 }, "invalid_request", "maxDuration"],
    ["a wait of half a second", { image: "a", queueTimeout: 0.5 }, "invalid_request", "queueTimeout"],
    ["a priority out of range", { image: "a", priority: 10 }, "invalid_request", "priority"],
    ["more retries than make sense", { image: "a", retries: 11 }, "invalid_request", "retries"],
    ["an unknown policy for node loss", { image: "a", onNodeLoss: "wait" }, "invalid_request", "onNodeLoss"],
    ["roles without main", withRoles({ name: "sub", replicas: 1 }), "invalid_request", "roles"],
    ["no roles at all", withRoles(), "invalid_request", "roles"],
    ["roles and clusterSize", { ...withRoles(main), clusterSize: 1 }, "invalid_request", "clusterSize"],
    [
      "a role that is no DNS label",
      withRoles(main, { name: "Ps_x", replicas: 1 }),
      "invalid_request",
      "roles[1].name",
    ],
    [
      "a role of 17 characters",
      withRoles(main, { name: "a".repeat(17), replicas: 1 }),
      "invalid_request",
      "roles[1].name",
    ],
    ["a name that is no DNS label", { image: "a", name: "my session" }, "invalid_request", "name"],
    ["a name of 64 characters", { image: "a", name: "a".repeat(64) }, "invalid_request", "name"],
    ["an image that is a path", { image: "a/../../containers/json" }, "invalid_request", "image"],
    ["an image with an empty part", { image: "a//b" }, "invalid_request", "image"],
    ["duplicate roles", withRoles(main, main), "invalid_request", "roles[1].name"],
    ["a reserved variable", { image: "a", env: { SKEIN_X: "1" } }, "invalid_request", "env.SKEIN_X"],
    [
      "a reserved variable of a role",
      withRoles({ ...main, env: { BACKENDAI_CLUSTER_SIZE: "9" } }),
      "invalid_request",
      "roles[0].env.BACKENDAI_CLUSTER_SIZE",
    ],
    ["size 0", { image: "a", clusterSize: 0 }, "invalid_request", "clusterSize"],
    ["size 1e9", { image: "a", clusterSize: 1e9 }, "invalid_request", "clusterSize"],
    ["size 1.5", { image: "a", clusterSize: 1.5 }, "invalid_request", "clusterSize"],
    ["size as text", { image: "a", clusterSize: "4" }, "invalid_request", "clusterSize"],
    ["1,025 over all roles", withRoles(main, { name: "w", replicas: 1024 }), "too_many_containers", "roles"],
    [
      "memory in potatoes",
      { image: "a", resources: { memory: "12 potatoes" } },
      "invalid_request",
      "resources.memory",
    ],
    [
      "memory past 2^53",
      { image: "a", resources: { memory: "9999999TiB" } },
      "invalid_request",
      "resources.memory",
    ],
    [
      "shm of nothing",
      withRoles({ ...main, resources: { shm: "0" } }),
      "invalid_request",
      "roles[0].resources.shm",
    ],
    [
      "cores below what Linux limits",
      { image: "a", resources: { cpu: 1e-9 } },
      "invalid_request",
      "resources.cpu",
    ],
    ["negative cores", { image: "a", resources: { cpu: -1 } }, "invalid_request", "resources.cpu"],
    ["endless cores", { image: "a", resources: { cpu: Infinity } }, "invalid_request", "resources.cpu"],
    [
      "an unknown family of launchers",
      { image: "a", frameworks: { slurm: true } },
      "invalid_request",
      "frameworks.slurm",
    ],
    [
      "Skein's own variable as a secret",
      { image: "a", secretEnv: { SKEIN_X: "s" } },
      "invalid_request",
      "secretEnv.SKEIN_X",
    ],
    [
      "a reserved variable as a role's secret",
      withRoles({ ...main, secretEnv: { BACKENDAI_CLUSTER_SIZE: "s" } }),
      "invalid_request",
      "roles[0].secretEnv.BACKENDAI_CLUSTER_SIZE",
    ],
    [
      "one variable that is a secret and is not",
      { image: "a", env: { A: "1" }, secretEnv: { A: "2" } },
      "invalid_request",
      "secretEnv.A",
    ],
    [
      "a role's secret that its top has in env",
      { ...withRoles({ ...main, secretEnv: { A: "2" } }), env: { A: "1" } },
      "invalid_request",
      "roles[0].secretEnv.A",
    ],
    [
      "a role's variable that is a secret at the top",
      { ...withRoles({ ...main, env: { A: "1" } }), secretEnv: { A: "2" } },
      "invalid_request",
      "roles[0].env.A",
    ],
    ["an unknown ulimit", { image: "a", ulimits: { core: 1 } }, "invalid_request", "ulimits.core"],
    ["too few open files", { image: "a", ulimits: { nofile: 3 } }, "invalid_request", "ulimits.nofile"],
    [
      "too much locked memory",
      { image: "a", ulimits: { memlock: "9999999TiB" } },
      "invalid_request",
      "ulimits.memlock",
    ],
    ["half a GPU", { image: "a", resources: { gpu: 0.5 } }, "invalid_request", "resources.gpu"],
    ["no image", { clusterSize: 2 }, "invalid_request", "image"],
    [
      "no image for one role",
      {
        roles: [
          { ...main, image: "a" },
          { name: "w", replicas: 1 },
        ],
      },
      "invalid_request",
      "roles[1].image",
    ],
    ["an image with a space", { image: "a b" }, "invalid_request", "image"],
    ["an image like an option", { image: "--privileged" }, "invalid_request", "image"],
    ["an unknown mode", { image: "a", clusterMode: "both" }, "invalid_request", "clusterMode"],
    ["a body that is null", null, "invalid_request", ""],
    ["a body that is a list", [], "invalid_request", ""],
  ])("%s", (_, body, code, field) => {
    expect(refusalOf(body)).toEqual({ code, fields: [field] });
  });

  test("every field at fault is named at once", () => {
    const body = { image: "a", name: "A", clusterSize: 0, resources: { gpu: -1 }, extra: true };
    expect(refusalOf(body).fields.toSorted()).toEqual(["clusterSize", "extra", "name", "resources.gpu"]);
  });
});

describe("hostile requests", () => {
  const json = (text: string) => JSON.parse(text) as unknown;

  test.each<[string, unknown, string]>([
    ["__proto__ as a variable", json('{"image":"a","env":{"__proto__":"x"}}'), "env.__proto__"],
    [
      "__proto__ as a role's variable",
      json('{"image":"a","roles":[{"name":"main","replicas":1,"env":{"__proto__":"x"}}]}'),
      "roles[0].env.__proto__",
    ],
    [
      "__proto__ as a label",
      json('{"image":"a","placement":{"labels":{"__proto__":"x"}}}'),
      "placement.labels.__proto__",
    ],
    ["__proto__ as a field", json('{"image":"a","__proto__":{"image":"b"}}'), "__proto__"],
    ["__proto__ as a secret", json('{"image":"a","secretEnv":{"__proto__":"x"}}'), "secretEnv.__proto__"],
    ["a secret with NUL", { image: "a", secretEnv: { A: "x\0y" } }, "secretEnv.A"],
    ["a secret without a name", { image: "a", secretEnv: { "": "x" } }, 'secretEnv[""]'],
    ["a variable with =", { image: "a", env: { "A=B": "" } }, 'env["A=B"]'],
    ["a variable without a name", { image: "a", env: { "": "x" } }, 'env[""]'],
    ["a variable with a line break", { image: "a", env: { "A\nB": "x" } }, 'env["A\\nB"]'],
    ["NUL in a value", { image: "a", env: { A: "x\0y" } }, "env.A"],
    ["half a character", { image: "a", env: { A: "\ud83d" } }, "env.A"],
    ["half a character in a command", { image: "a", command: ["ok", "\udc00"] }, "command[1]"],
    ["NUL in a command", { image: "a", command: ["\0"] }, "command[0]"],
    ["a user with a line break", { image: "a", user: "root\nroot::0:0" }, "user"],
    ["a user with three parts", { image: "a", user: "a:b:c" }, "user"],
    ["a user that is a path", { image: "a", user: "../../etc" }, "user"],
    ["a relative workdir", { image: "a", workdir: "tmp" }, "workdir"],
    ["deep nesting", json(`{"image":"a","env":${"[".repeat(100_000)}${"]".repeat(100_000)}}`), "env"],
  ])("%s", (_, body, field) => {
    expect(refusalOf(body)).toEqual({ code: "invalid_request", fields: [field] });
  });

  test.each([
    [
      "env that grows by the number of containers",
      { image: "a", clusterSize: 1024, env: { A: "x".repeat(10_000) } },
      "clusterSize",
    ],
    [
      "secrets that grow by the number of containers",
      { image: "a", clusterSize: 1024, secretEnv: { A: "x".repeat(10_000) } },
      "clusterSize",
    ],
    [
      "a command that grows by a role's replicas",
      withRoles(main, { name: "w", replicas: 900, command: ["x".repeat(10_000)] }),
      "roles",
    ],
  ])("%s", (_, body, field) => {
    expect(refusalOf(body)).toEqual({ code: "session_too_large", fields: [field] });
  });

  test("names of Object.prototype are names like any other", () => {
    const spec = read({ image: "a", env: { constructor: "x", toString: "y" } });
    expect(Object.entries(spec.roles[0]!.env)).toEqual([
      ["constructor", "x"],
      ["toString", "y"],
    ]);
    expect(refusalOf({ image: "a", constructor: 1 }).fields).toEqual(["constructor"]);
  });

  test("a hundred thousand unknown fields, or one endless name, do not come back whole", () => {
    const many = Object.fromEntries(Array.from({ length: 100_000 }, (_, i) => [`k${i}`, 1]));
    expect(refusalOf({ image: "a", ...many }).fields).toHaveLength(100);
    expect(refusalOf({ image: "a", ["k".repeat(100_000)]: 1 }).fields[0]!.length).toBeLessThan(100);
  });

  test("any JSON at all is either read or refused", () => {
    const field = fc.constantFrom(
      "image",
      "env",
      "roles",
      "resources",
      "network",
      "placement",
      "clusterSize",
      "user",
    );
    const body = fc.oneof(fc.jsonValue(), fc.dictionary(field, fc.jsonValue()));
    fc.assert(
      fc.property(body, (value) => {
        try {
          read(value);
        } catch (error) {
          expect(error).toBeInstanceOf(SkeinError);
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe("what a request means", () => {
  test("clusterSize is one main and the rest sub", () => {
    const { roles } = read({ image: "debian:12", clusterSize: 4, command: ["x"], resources: { cpu: 2 } });
    const alike = { image: "debian:12", command: ["x"], env: {}, resources: { cpu: 2 } };
    expect(roles).toEqual([
      { name: "main", replicas: 1, ...alike },
      { name: "sub", replicas: 3, ...alike },
    ]);
  });

  test("the least request: main1 alone, on one node, limits nothing", () => {
    expect(read({ image: "debian:12" })).toEqual({
      clusterMode: "single-node",
      roles: [{ name: "main", replicas: 1, image: "debian:12", env: {}, resources: {} }],
      network: { encryption: "auto", egress: true },
      placement: { strategy: "spread", labels: {} },
      priority: 5,
      retries: 0,
      onNodeLoss: "fail",
    });
  });

  test("limits of time are the session's own", () => {
    expect(read({ image: "a", maxDuration: 60, queueTimeout: 5 })).toMatchObject({
      maxDuration: 60,
      queueTimeout: 5,
    });
  });

  test("a role inherits onExit as a whole; left out everywhere it is left out", () => {
    const roles = [
      { name: "main", replicas: 1, onExit: "fail" },
      { name: "sub", replicas: 1 },
    ];
    const policies = (body: object) => read(body).roles.map(({ onExit }) => onExit);
    expect(policies({ image: "a", onExit: "ignore", roles })).toEqual(["fail", "ignore"]);
    expect(policies({ image: "a", clusterSize: 2 })).toEqual([undefined, undefined]);
  });

  test("a role that restarts has a number of restarts: its own, the top's, or 5; the others have none", () => {
    const roles = [
      main,
      { name: "sub", replicas: 1, onExit: "restart", maxRestarts: 100 },
      { name: "aside", replicas: 1, onExit: "restart" },
      { name: "other", replicas: 1, onExit: "ignore" },
    ];
    const restarts = (body: object) => read(body).roles.map(({ maxRestarts }) => maxRestarts);
    expect(restarts(withRoles(...roles))).toEqual([undefined, 100, 5, undefined]);
    expect(restarts({ ...withRoles(...roles), maxRestarts: 2 })).toEqual([undefined, 100, 2, undefined]);
    const [, ...others] = roles;
    const all = { ...withRoles({ ...main, maxRestarts: 3 }, ...others), onExit: "restart", maxRestarts: 2 };
    expect(restarts(all)).toEqual([3, 100, 2, undefined]);
    expect(restarts({ image: "a", clusterSize: 2, onExit: "restart" })).toEqual([5, 5]);
  });

  test("main comes first, the others as given", () => {
    const roles = ["ps", "main", "eval"].map((name) => ({ name, replicas: 1 }));
    expect(read(withRoles(...roles)).roles.map((role) => role.name)).toEqual(["main", "ps", "eval"]);
  });

  test("a role inherits ulimits and frameworks key by key; the session needs the most of all roles", () => {
    const spec = read({
      image: "a",
      ulimits: { memlock: "64KiB", nofile: 1024 },
      frameworks: { mpi: false, torchEnv: true },
      roles: [
        { name: "main", replicas: 1 },
        { name: "sub", replicas: 1, ulimits: { memlock: "unlimited" }, frameworks: { mpi: true } },
      ],
    });
    expect(spec.roles.map(({ ulimits, frameworks }) => ({ ulimits, frameworks }))).toEqual([
      { ulimits: { memlock: 65536, nofile: 1024 }, frameworks: { mpi: false, torchEnv: true } },
      { ulimits: { memlock: "unlimited", nofile: 1024 }, frameworks: { mpi: true, torchEnv: true } },
    ]);
    expect(spec.ulimits).toEqual({ memlock: "unlimited", nofile: 1024 });
    expect(read({ image: "a" })).not.toHaveProperty("ulimits");
  });

  test("a role inherits env and resources key by key, the rest whole", () => {
    const { roles } = read({
      image: "top",
      command: ["run", "all"],
      entrypoint: ["/init"],
      user: "1000:1000",
      workdir: "/top",
      env: { A: "top", B: "top" },
      resources: { cpu: 1, memory: "1GiB", shm: "64MiB" },
      roles: [
        main,
        {
          name: "worker",
          replicas: 2,
          image: "own",
          command: ["own"],
          user: "root",
          env: { B: "own", C: "own" },
          resources: { memory: "2GB", gpu: 1 },
        },
      ],
    });
    expect(roles[0]).toEqual({
      ...main,
      image: "top",
      command: ["run", "all"],
      entrypoint: ["/init"],
      user: "1000:1000",
      workdir: "/top",
      env: { A: "top", B: "top" },
      resources: { cpu: 1, memory: 2 ** 30, shm: 2 ** 26 },
    });
    expect(roles[1]).toEqual({
      name: "worker",
      replicas: 2,
      image: "own",
      command: ["own"],
      entrypoint: ["/init"],
      user: "root",
      workdir: "/top",
      env: { A: "top", B: "own", C: "own" },
      resources: { cpu: 1, memory: 2e9, shm: 2 ** 26, gpu: 1 },
    });
  });

  test("an installation may allow fewer containers and bytes", () => {
    const codeOf = (limits: object) => {
      try {
        readSpec(
          { image: "a", clusterSize: 3, env: { A: "x".repeat(500) } },
          { ...DEFAULT_SETTINGS, ...limits },
        );
      } catch (error) {
        return (error as SkeinError).code;
      }
      return undefined;
    };
    expect(codeOf({ maxContainers: 3 })).toBeUndefined();
    expect(codeOf({ maxContainers: 2 })).toBe("too_many_containers");
    expect(codeOf({ maxSessionBytes: 1024 })).toBe("session_too_large");
  });

  test("1,024 containers are not too many", () => {
    expect(read({ image: "a", clusterSize: 1024 }).roles[1]!.replicas).toBe(1023);
    expect(read(withRoles(main, { name: "w", replicas: 1023 })).roles).toHaveLength(2);
  });
});

describe("secrets", () => {
  const secretsOf = (body: object) => readRequest({ image: "a", ...body }, DEFAULT_SETTINGS).secrets;

  test("are inherited key by key, and kept by role", () => {
    const roles = [
      { name: "main", replicas: 1, secretEnv: { B: "main" } },
      { name: "sub", replicas: 2 },
    ];
    expect(secretsOf({ secretEnv: { A: "top", B: "top" }, roles })).toEqual({
      main: { A: "top", B: "main" },
      sub: { A: "top", B: "top" },
    });
    expect(secretsOf({ clusterSize: 2, secretEnv: { A: "top" } })).toEqual({
      main: { A: "top" },
      sub: { A: "top" },
    });
    expect(secretsOf({ roles })).toEqual({ main: { B: "main" } });
    for (const none of [{}, { secretEnv: {} }]) expect(secretsOf(none)).toBeUndefined();
  });

  test("are no part of the spec", () => {
    const body = { image: "a", env: { A: "seen" }, secretEnv: { B: "planted" } };
    expect(JSON.stringify(read(body))).not.toMatch(/planted|"B"/);
  });

  test("are in no error", () => {
    const bad = {
      image: "a",
      env: { A: "x" },
      secretEnv: { A: "planted", SKEIN_B: "planted", C: "planted\0" },
    };
    for (const body of [
      bad,
      { ...bad, secretEnv: { ...bad.secretEnv, C: "planted" } },
      { image: "a", secretEnv: "planted" },
    ]) {
      expect(() => read(body)).toThrow(/^(?!.*planted)/);
    }
  });
});
