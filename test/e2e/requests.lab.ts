/** Bad requests over real HTTP: each gets its own 4xx problem with code and field, and leaves nothing behind. */
import { describe, expect, test } from "vitest";
import { cluster, request } from "./skein.ts";

interface Problem {
  code: string;
  status: number;
  errors?: { field: string; message: string }[];
}

const image = "skein/busybox:1";
const main = { name: "main", replicas: 1 };

/** [what, body, status, code, field] */
const BAD: [string, unknown, number, string, string | undefined][] = [
  [
    "a role with 0 replicas",
    { image, roles: [main, { name: "sub", replicas: 0 }] },
    400,
    "invalid_request",
    "roles[1].replicas",
  ],
  [
    "a role name that ends in a digit",
    { image, roles: [main, { name: "sub1", replicas: 1 }] },
    400,
    "invalid_request",
    "roles[1].name",
  ],
  ["an unknown field", { image, colour: "blue" }, 400, "invalid_request", "colour"],
  ["an unknown nested field", { image, resources: { disk: 1 } }, 400, "invalid_request", "resources.disk"],
  ...["volumes", "binds", "capAdd", "securityOpt", "pidMode", "ipcMode"].map(
    (field): (typeof BAD)[number] => [
      `an unknown access to the node: ${field}`,
      { image, [field]: true },
      400,
      "invalid_request",
      field,
    ],
  ),
  ...Object.entries({
    mounts: [{ source: "/", target: "/host" }],
    devices: ["/dev/../etc"],
  }).map(([field, value]): (typeof BAD)[number] => [
    `an invalid access to the node: ${field}`,
    { image, [field]: value },
    400,
    "invalid_request",
    field === "mounts" ? "mounts[0].source" : "devices[0]",
  ]),
  ...Object.entries({
    mounts: [{ source: "/srv", target: "/srv" }],
    devices: ["/dev/sda"],
    privileged: true,
    hostNetwork: true,
  }).map(([field, value]): (typeof BAD)[number] => [
    `an access to the node that none allows: ${field}`,
    { image, [field]: value },
    403,
    "not_allowed",
    field,
  ]),
  ["host networking", { image, network: { mode: "host" } }, 400, "invalid_request", "network.mode"],
  [
    "a role's access to the node",
    { image, roles: [{ ...main, privileged: true }] },
    403,
    "not_allowed",
    "privileged",
  ],
  [
    "a device among the resources",
    { image, resources: { devices: ["/dev/sda"] } },
    400,
    "invalid_request",
    "resources.devices",
  ],
  [
    "encryption required",
    { image, network: { encryption: "required" } },
    422,
    "unsupported",
    "network.encryption",
  ],
  ["roles without main", { image, roles: [{ name: "sub", replicas: 1 }] }, 400, "invalid_request", "roles"],
  [
    "both roles and clusterSize",
    { image, clusterSize: 2, roles: [main] },
    400,
    "invalid_request",
    "clusterSize",
  ],
  [
    "a role that is no DNS label",
    { image, roles: [main, { name: "Sub_A", replicas: 1 }] },
    400,
    "invalid_request",
    "roles[1].name",
  ],
  ["a name that is no DNS label", { image, name: "Not A Label" }, 400, "invalid_request", "name"],
  [
    "duplicate roles",
    { image, roles: [main, { name: "sub", replicas: 1 }, { name: "sub", replicas: 1 }] },
    400,
    "invalid_request",
    "roles[2].name",
  ],
  [
    "reserved variables",
    { image, env: { BACKENDAI_CLUSTER_SIZE: "9" } },
    400,
    "invalid_request",
    "env.BACKENDAI_CLUSTER_SIZE",
  ],
  [
    "Skein's own variables",
    { image, roles: [{ ...main, env: { SKEIN_X: "9" } }] },
    400,
    "invalid_request",
    "roles[0].env.SKEIN_X",
  ],
  ["size 0", { image, clusterSize: 0 }, 400, "invalid_request", "clusterSize"],
  ["size 1e9", { image, clusterSize: 1e9 }, 400, "invalid_request", "clusterSize"],
  ["fractional size", { image, clusterSize: 1.5 }, 400, "invalid_request", "clusterSize"],
  [
    "too many in all",
    { image, roles: [main, { name: "a", replicas: 1000 }, { name: "b", replicas: 24 }] },
    400,
    "too_many_containers",
    "roles",
  ],
  [
    "memory 12 potatoes",
    { image, resources: { memory: "12 potatoes" } },
    400,
    "invalid_request",
    "resources.memory",
  ],
  ["no image", { clusterSize: 2 }, 400, "invalid_request", "image"],
  [
    "no image in one role",
    {
      roles: [
        { ...main, image },
        { name: "sub", replicas: 1 },
      ],
    },
    400,
    "invalid_request",
    "roles[1].image",
  ],
  ["an array", [], 400, "invalid_request", ""],
  ["malformed JSON", '{"image": ', 400, "malformed_json", undefined],
];

describe("a bad request", () => {
  test.each(BAD)("%s", async (_what, body, status, code, field) => {
    for (const path of ["/v1/sessions", "/v1/plans"]) {
      const answer = await request<Problem>("POST", path, body);
      expect(answer.headers.get("content-type")).toMatch(/application\/problem\+json/);
      expect([answer.status, answer.body.status, answer.body.code]).toEqual([status, status, code]);
      if (field !== undefined) expect(answer.body.errors!.map((error) => error.field)).toContain(field);
    }
  });

  test("names every field at fault, not only the first", async () => {
    const { body } = await request<Problem>("POST", "/v1/sessions", { image: 7, clusterSize: 0, x: 1 });
    expect(body.errors!.map((error) => error.field).sort()).toEqual(["clusterSize", "image", "x"]);
  });

  test("without a content type, or with a wrong one", async () => {
    const { api } = await cluster();
    for (const type of [undefined, "text/plain", "multipart/form-data"]) {
      const answer = await fetch(`${api.url}/v1/sessions`, {
        method: "POST",
        headers: { authorization: `Bearer ${api.token}`, ...(type ? { "content-type": type } : {}) },
        body: new TextEncoder().encode(JSON.stringify({ image })),
      });
      expect([answer.status, ((await answer.json()) as Problem).code]).toEqual([
        415,
        "unsupported_media_type",
      ]);
    }
  });

  test("without a token, or with a wrong one, on every operation", async () => {
    const paths = [
      ["GET", "/v1/sessions"],
      ["POST", "/v1/sessions"],
      ["GET", "/v1/sessions/x"],
      ["DELETE", "/v1/sessions/x"],
      ["POST", "/v1/plans"],
      ["GET", "/v1/nodes"],
      ["GET", "/v1/nodes/x"],
      ["PATCH", "/v1/nodes/x"],
      ["DELETE", "/v1/nodes/x"],
      ["POST", "/v1/join-tokens"],
    ] as const;
    for (const [method, path] of paths) {
      for (const authorization of ["", "Bearer ", "Bearer wrong", "Basic YTpi"]) {
        const answer = await request<Problem>(
          method,
          path,
          method === "GET" || method === "DELETE" ? undefined : {},
          { authorization },
        );
        expect([method, path, answer.status, answer.body.code]).toEqual([method, path, 401, "unauthorized"]);
      }
    }
  });

  test("for what does not exist", async () => {
    for (const [method, path] of [
      ["GET", "/v1/sessions/none"],
      ["DELETE", "/v1/sessions/ses_01jd8xnone"],
      ["GET", "/v1/nodes/none"],
      ["DELETE", "/v1/nodes/none"],
      ["GET", "/v1/nothing"],
    ] as const) {
      const answer = await request<Problem>(method, path);
      expect([path, answer.status, answer.body.code]).toEqual([path, 404, "not_found"]);
    }
  });

  test("with bad query parameters", async () => {
    for (const query of ["?limit=0", "?limit=201", "?limit=x", "?cursor=%00", "?status=asleep"]) {
      const answer = await request<Problem>("GET", `/v1/sessions${query}`);
      expect([query, answer.status, answer.body.code]).toEqual([query, 400, "invalid_request"]);
    }
  });

  test("leaves nothing behind", async () => {
    const { body } = await request<{ items: { status: string }[] }>("GET", "/v1/sessions?status=pending");
    expect(body.items).toEqual([]);
  });
});
