/** Files over HTTP, with an agent that is a test. */
import { reset } from "cloudflare:test";
import { env, exports } from "cloudflare:workers";
import { afterEach, describe, expect, test } from "vitest";
import type { AuditEntry } from "../../shared/access/access-schemas.ts";
import { STREAM_WINDOW } from "../../shared/streams/credit.ts";
import type { FileStat } from "../../shared/streams/stream-messages.ts";
import { call, create, ended, mint, problem, settled } from "../testing/call-api.ts";
import { readyNode } from "../testing/fake-agent.ts";
import { running, tunnelOf } from "../testing/session-streams.ts";

afterEach(() => reset());

const TAR = { "content-type": "application/x-tar" };
const PATH = "files?path=/data";
const STAT: FileStat = {
  name: "data",
  type: "directory",
  isDirectory: true,
  size: 1,
  mode: 0o755,
  linkTarget: "",
};

async function ask(path: string, init: RequestInit = {}): Promise<Response> {
  const headers = { authorization: `Bearer ${env.SKEIN_ADMIN_TOKEN}`, ...init.headers };
  return await exports.default.fetch(new Request(`https://skein.test${path}`, { ...init, headers }));
}

describe("GET", () => {
  test("gives what the path is, and then its archive", async () => {
    const session = await running();
    const [answer] = await Promise.all([
      ask(session.path(PATH)),
      tunnelOf(session).then(async (tunnel) => {
        const { stream, open } = await tunnel.accept();
        expect(open).toMatchObject({ kind: "files", host: "main1", direction: "get", path: "/data" });
        tunnel.say(stream, { type: "stat", stat: STAT });
        tunnel.data(stream, "an archive");
        tunnel.say(stream, { type: "close", code: "done", reason: "" });
      }),
    ]);
    expect([answer.status, answer.headers.get("content-type")]).toEqual([200, "application/x-tar"]);
    const stat = atob(answer.headers.get("skein-path-stat")!.replaceAll("-", "+").replaceAll("_", "/"));
    expect(JSON.parse(stat)).toEqual(STAT);
    expect(await answer.text()).toBe("an archive");
    const { items } = (await call<{ items: AuditEntry[] }>("GET", "/v1/audit")).body;
    expect(items[0]).toMatchObject({ action: "getFiles", target: `${session.id}/main1` });
    expect(JSON.stringify(items)).not.toContain("/data");
  });

  test("an archive that breaks off never looks whole", async () => {
    const session = await running();
    const [answer] = await Promise.all([
      ask(session.path(PATH)),
      tunnelOf(session).then(async (tunnel) => {
        const { stream } = await tunnel.accept();
        tunnel.say(stream, { type: "stat", stat: STAT });
        tunnel.say(stream, { type: "close", code: "failed", reason: "the engine is gone" });
      }),
    ]);
    await expect(answer.text()).rejects.toThrow();
  });
});

describe("PUT", () => {
  test("passes a body on, however large it is, and answers once all of it was taken", async () => {
    const session = await running();
    const body = new Uint8Array(STREAM_WINDOW / 2).fill(65);
    const [answer, open] = await Promise.all([
      ask(session.path(PATH), { method: "PUT", body, headers: TAR }),
      tunnelOf(session).then(async (tunnel) => {
        const { stream, open } = await tunnel.accept();
        await tunnel.next("end");
        expect(tunnel.input.get(stream)?.length).toBe(body.length);
        tunnel.say(stream, { type: "close", code: "done", reason: "" });
        return open;
      }),
    ]);
    expect(answer.status).toBe(204);
    expect(open).toMatchObject({ kind: "files", direction: "put", path: "/data" });
  });

  test.each([
    ["no_such_path", 404, "not_found"],
    ["bad_files", 400, "invalid_request"],
    ["no_space", 507, "no_space"],
    ["not_running", 409, "not_running"],
    ["failed", 503, "unavailable"],
  ])("a stream that ends with %s is answered by %i", async (code, status, problemCode) => {
    const session = await running();
    const [answer] = await Promise.all([
      call("PUT", session.path(PATH), "tar", TAR),
      tunnelOf(session).then(async (tunnel) => {
        const { stream } = await tunnel.next("open");
        tunnel.say(stream, { type: "close", code, reason: "why" });
      }),
    ]);
    expect(problem(answer).slice(0, 2)).toEqual([status, problemCode]);
    expect(answer.body).toMatchObject({ detail: "why" });
  });
});

test("a container that waits at its gate takes files; one that is not made, or is removed, has none", async () => {
  const { agent, link } = await readyNode();
  const { id } = await create({ gate: "manual" });
  const path = `/v1/sessions/${id}/containers/main1/files?path=in&parents=true`;
  const put = () => call("PUT", path, "tar", TAR);
  expect(problem(await put()).slice(0, 2)).toEqual([409, "not_running"]);
  link.follow();
  expect(await settled(id)).toMatchObject({ status: "starting", reason: "waits for start" });
  const [answer] = await Promise.all([
    put(),
    tunnelOf({ agent, link, id, path: (what) => what }).then(async (tunnel) => {
      const { stream, open } = await tunnel.accept();
      expect(open).toMatchObject({ kind: "files", direction: "put", path: "in", parents: true });
      await tunnel.next("end");
      tunnel.say(stream, { type: "close", code: "done", reason: "" });
    }),
  ]);
  expect(answer.status).toBe(204);
  await call("DELETE", `/v1/sessions/${id}`);
  await ended(id);
  expect(problem(await put()).slice(0, 2)).toEqual([409, "not_running"]);
});

test("what is known before is a problem", async () => {
  const session = await running();
  const viewer = await mint("viewer");
  const other = await mint("user", "other");
  const at = (path: string, method = "GET", headers = {}) =>
    call(method, path, method === "PUT" ? "tar" : undefined, headers);
  const codes = async (...asked: Parameters<typeof at>) => problem(await at(...asked)).slice(0, 2);
  for (const method of ["GET", "PUT"]) {
    expect(await codes(session.path(PATH), method, { ...TAR, ...viewer.headers })).toEqual([
      403,
      "forbidden",
    ]);
    expect(await codes(session.path(PATH), method, { ...TAR, ...other.headers })).toEqual([404, "not_found"]);
    expect(await codes(`/v1/sessions/${session.id}/containers/main7/${PATH}`, method, TAR)).toEqual([
      404,
      "not_found",
    ]);
    expect(await codes(session.path("files?path="), method, TAR)).toEqual([400, "invalid_request"]);
    expect(await codes(session.path("files"), method, TAR)).toEqual([400, "invalid_request"]);
  }
  expect(await codes(session.path(PATH), "PUT", { "content-type": "application/json" })).toEqual([
    415,
    "unsupported_media_type",
  ]);
  expect(await codes(`/v1/sessions/${session.id}/containers/*/${PATH}`)).toEqual([400, "invalid_request"]);
});
