/** No private key and no token appears in the API's database, in the link's traffic, in any log or answer. */
import { beforeAll, describe, expect, test } from "vitest";
import { contentOf, filesBelow } from "../../cli/testing/files-below.ts";
import type { SessionView } from "../../shared/session/session-schemas.ts";
import { cluster, end, request, running, sh } from "./skein.ts";
import { type Tap, tapLink } from "./tap.ts";

let tap: Tap;
let session: SessionView;
/** Each secret in every encoding that may occur: the text to search for, and its name. */
const needles: { what: string; bytes: Buffer }[] = [];
/** Answers that the API gave about the session. */
const answers: string[] = [];
/** Tokens that were used. */
const tokens: string[] = [];

function add(what: string, secret: Buffer): void {
  needles.push(
    { what, bytes: secret },
    {
      what: `${what}, base64`,
      bytes: Buffer.from(secret.toString("base64").replace(/=+$/, "").slice(0, 40)),
    },
    { what: `${what}, base64url`, bytes: Buffer.from(secret.toString("base64url").slice(0, 40)) },
    { what: `${what}, hex`, bytes: Buffer.from(secret.toString("hex")) },
  );
}

/** The 32-byte seed inside an unencrypted OpenSSH Ed25519 private key (PROTOCOL.key: the last "ssh-ed25519", public, seed || public). */
function seedOf(pem: string): Buffer {
  const blob = Buffer.from(pem.replace(/-----.*-----|\s/g, ""), "base64");
  const key = blob.lastIndexOf("ssh-ed25519") + "ssh-ed25519".length;
  const publicLength = blob.readUInt32BE(key);
  const at = key + 4 + publicLength + 4;
  return blob.subarray(at, at + 32);
}

beforeAll(async () => {
  tap = await tapLink();
  session = await running({
    image: "skein/debian:12",
    clusterMode: "multi-node",
    clusterSize: 4,
    placement: { labels: { tap: "yes" } },
  });
  for (const { host } of session.containers) {
    add(`user key of ${host}`, seedOf(await sh(session, host, "cat ~/.ssh/id_ed25519")));
  }
  const made = await request<{ id: string; token: string }>("POST", "/v1/tokens", {
    project: "other",
    role: "viewer",
  });
  tokens.push(made.body.token);
  const headers = { authorization: `Bearer ${made.body.token}` };
  expect((await request("GET", `/v1/sessions/${session.id}`, undefined, headers)).status).toBe(404);
  expect((await request("GET", "/v1/nodes", undefined, headers)).status).toBe(403);
  expect((await request("DELETE", `/v1/tokens/${made.body.id}`)).status).toBe(204);
  expect((await request("GET", "/v1/sessions", undefined, headers)).status).toBe(401);
  const list = await request("GET", "/v1/sessions");
  const nodes = await request("GET", "/v1/nodes");
  answers.push(
    JSON.stringify(await end(session)),
    JSON.stringify(list.body),
    JSON.stringify(nodes.body),
    JSON.stringify((await request("GET", "/v1/tokens")).body),
    JSON.stringify((await request("GET", "/v1/audit")).body),
    JSON.stringify(session),
  );
  await tap.close();
});

/** Names of the `needles` that these bytes contain. */
function found(bytes: Buffer): string[] {
  return [
    ...needles.filter((needle) => bytes.includes(needle.bytes)).map((needle) => needle.what),
    ...(bytes.includes("PRIVATE KEY") ? ["a PEM private key"] : []),
  ];
}

describe("private keys", () => {
  test("are found by this test if they are there", () => {
    expect(needles.length).toBe(16);
    expect(found(Buffer.concat([Buffer.from("x"), needles[0]!.bytes]))).toEqual(["user key of main1"]);
  });

  test("are not in the API's database", async () => {
    const { api } = await cluster();
    const files = filesBelow(api.dataDir).filter((file) => !file.endsWith("admin-token"));
    expect(files.some((file) => file.includes("sqlite"))).toBe(true);
    for (const file of files) expect([file, found(contentOf(file))]).toEqual([file, []]);
  });

  test("are not in the link's traffic", () => {
    const traffic = Buffer.from(tap.frames.join("\n"));
    expect(traffic.toString()).toContain('"type":"welcome"');
    expect(traffic.toString()).toContain('"hostKey":"');
    expect(found(traffic)).toEqual([]);
  });

  test("are not in any log or answer", async () => {
    const { api, agents } = await cluster();
    const logs = [api.log(), ...agents.map((agent) => agent.log()), tap.log()];
    expect(logs.every((log) => log.length > 0)).toBe(true);
    for (const text of [...logs, ...answers]) expect(found(Buffer.from(text))).toEqual([]);
  });
});

describe("tokens", () => {
  test("are in no log, no answer and no database", async () => {
    const { api, agents } = await cluster();
    const texts = [api.log(), ...agents.map((agent) => agent.log()), ...answers, ...tap.frames];
    const files = filesBelow(api.dataDir).filter((file) => !file.endsWith("admin-token"));
    // Nor does it contain either half of a signed token.
    for (const secret of [api.token, tap.joinToken, ...tokens.flatMap((token) => token.split("."))]) {
      for (const text of texts) expect(text.includes(secret)).toBe(false);
      for (const file of files) expect([file, contentOf(file).includes(secret)]).toEqual([file, false]);
    }
  });
});
