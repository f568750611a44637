/** Apps at hosts of their own, with an agent that is a test. */
import { reset } from "cloudflare:test";
import { exports } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { AuditEntry } from "../../shared/access/access-schemas.ts";
import { APP_COOKIE } from "../../shared/apps/app-headers.ts";
import type { SessionView } from "../../shared/session/session-schemas.ts";
import {
  encodeMessage,
  KIND,
  MessageReader,
  type SocketMessage,
} from "../../shared/streams/socket-messages.ts";
import type { OpenHttp } from "../../shared/streams/stream-messages.ts";
import { SETTINGS } from "../platform/installation-settings.ts";
import { call, create, mint, problem, settled } from "../testing/call-api.ts";
import { readyNode } from "../testing/fake-agent.ts";
import type { FakeTunnel } from "../testing/fake-tunnel.ts";
import { type Running, tunnelOf } from "../testing/session-streams.ts";
import { withSettings } from "../testing/settings.ts";

const DOMAIN = "apps.test";
const APPS = [
  { name: "notebook", port: 8888, path: "/lab?reset" },
  { name: "board", port: 6006 },
];

let session: Running;

beforeEach(async () => {
  Object.assign(SETTINGS, { appsDomain: DOMAIN });
  const { agent, link } = await readyNode();
  link.follow();
  const { id } = await create({ name: "train", apps: APPS });
  expect((await settled(id)).status).toBe("running");
  session = { agent, link, id, path: (what) => what };
});
afterEach(async () => {
  Object.assign(SETTINGS, { appsDomain: "" });
  await reset();
});

const hostOf = (app: string, id = session.id) => `https://${app}--${id.slice(4)}.${DOMAIN}`;

async function linkTo(app: string, headers: Record<string, string> = {}): Promise<string> {
  const { status, body } = await call<{ url: string }>(
    "POST",
    `/v1/sessions/train/apps/${app}/links`,
    undefined,
    headers,
  );
  expect(status, JSON.stringify(body)).toBe(201);
  return body.url;
}

/** As a browser that follows no redirect. */
async function visit(url: string, init: RequestInit = {}): Promise<Response> {
  return await exports.default.fetch(new Request(url, { redirect: "manual", ...init }));
}

/** The `Cookie` header of a browser that has opened a link. */
async function cookieFor(app: string, headers: Record<string, string> = {}): Promise<string> {
  const opened = await visit(await linkTo(app, headers));
  expect(opened.status).toBe(303);
  return opened.headers.get("set-cookie")!.split(";")[0]!;
}

/** The next request that reaches the node. */
async function requestAt(tunnel: FakeTunnel) {
  const { stream, open } = await tunnel.accept();
  return { stream, open: open as OpenHttp };
}

async function codeOf(answer: Response): Promise<[number, string]> {
  return [answer.status, ((await answer.json()) as { code: string }).code];
}

describe("a link", () => {
  test("works once, and gives a cookie for that app alone", async () => {
    const url = await linkTo("notebook");
    expect(url.startsWith(`${hostOf("notebook")}/`)).toBe(true);
    const answer = await visit(url);
    expect([answer.status, answer.headers.get("location")]).toEqual([303, "/lab?reset"]);
    expect(answer.headers.get("set-cookie")).toMatch(
      new RegExp(`^${APP_COOKIE}=[\\w.-]+; Path=/; Secure; HttpOnly; SameSite=Lax$`),
    );
    expect(await codeOf(await visit(url))).toEqual([401, "unauthorized"]);
    const { items } = (await call<{ items: AuditEntry[] }>("GET", "/v1/audit")).body;
    expect(items[0]).toMatchObject({ action: "createAppLink", target: `${session.id}/main1:8888` });
    expect(JSON.stringify(items)).not.toContain(url.split("=")[1]);
  });

  test("is void after 60 s, at another app's host, and with any other method", async () => {
    const url = await linkTo("notebook");
    expect((await visit(url.replace(hostOf("notebook"), hostOf("board")))).status).toBe(401);
    for (const method of ["HEAD", "POST"]) expect((await visit(url, { method })).status, method).toBe(401);
    const now = Date.now();
    const clock = vi.spyOn(Date, "now").mockReturnValue(now + 60_000);
    expect((await visit(url)).status).toBe(401);
    clock.mockReturnValue(now + 55_000);
    expect((await visit(url)).status).toBe(303);
    clock.mockRestore();
  });

  test("needs an app of a running session, a role, and a domain", async () => {
    const ask = (app: string, headers = {}) =>
      call("POST", `/v1/sessions/train/apps/${app}/links`, undefined, headers);
    expect(problem(await ask("other"))).toEqual([404, "not_found", []]);
    expect(problem(await ask("notebook", (await mint("viewer")).headers))).toEqual([403, "forbidden", []]);
    expect(problem(await ask("notebook", (await mint("user", "vision")).headers))).toEqual([
      404,
      "not_found",
      [],
    ]);
    const without = await withSettings({ appsDomain: "" }, () => ask("notebook"));
    expect(problem(without)).toEqual([409, "apps_domain_missing", []]);
    // The API listens on loopback, but this client came another way.
    const local = await withSettings({ appsDomain: "localhost" }, () => ask("notebook"));
    expect(problem(local)).toEqual([409, "apps_domain_missing", []]);
    await call("DELETE", "/v1/sessions/train");
    await settled(session.id);
    expect(problem(await ask("notebook"))).toEqual([409, "not_running", []]);
  });
});

describe("without the app's own cookie", () => {
  test("every path and name of the domain answers 401, and none says more", async () => {
    const cookie = await cookieFor("board");
    const unknown = "ses_01jd8xk3v2e8pbm4q0s6t9r1wz";
    const asked = [
      visit(hostOf("notebook")),
      visit(`${hostOf("notebook")}/.skein/open`),
      visit(`${hostOf("notebook")}/.skein/open?link=x.y`),
      visit(`${hostOf("notebook")}/v1/sessions`),
      visit(`${hostOf("notebook")}/healthz`),
      visit(hostOf("other")),
      visit(hostOf("notebook", unknown)),
      visit(`https://x.${DOMAIN}`),
      visit(`https://a.b.${DOMAIN}/docs`),
      visit(hostOf("notebook"), { headers: { cookie } }),
      visit(hostOf("notebook"), { headers: { cookie: `${cookie}x` } }),
      visit(hostOf("board"), { headers: { cookie: `${cookie}; ${cookie}` } }),
    ];
    for (const answer of await Promise.all(asked)) {
      expect(await codeOf(answer)).toEqual([401, "unauthorized"]);
      const names = [...answer.headers.keys()];
      expect(names.filter((name) => name.startsWith("access-control"))).toEqual([]);
    }
  });

  test("a bearer token opens no app, and an app's cookie nothing of the API", async () => {
    const { headers } = await mint("admin");
    expect((await visit(hostOf("notebook"), { headers })).status).toBe(401);
    const cookie = await cookieFor("notebook");
    expect((await visit("https://skein.test/v1/sessions", { headers: { cookie } })).status).toBe(401);
    const value = cookie.split("=")[1]!;
    const asToken = await visit("https://skein.test/v1/sessions", {
      headers: { authorization: `Bearer ${value}` },
    });
    expect(asToken.status).toBe(401);
  });

  test("a person gets a page", async () => {
    const answer = await visit(hostOf("notebook"), { headers: { accept: "text/html" } });
    expect([answer.status, answer.headers.get("content-type")]).toEqual([401, "text/html; charset=utf-8"]);
    expect(await answer.text()).toContain("skein open");
  });
});

describe("with it, a request", () => {
  test("reaches the app as if it came from the same machine, without what is the API's", async () => {
    const cookie = await cookieFor("notebook");
    const [answer] = await Promise.all([
      visit(`${hostOf("notebook")}/api/kernels?x=%20`, {
        method: "POST",
        body: "hello",
        headers: {
          cookie: `a=1; ${cookie}; b=2`,
          origin: hostOf("notebook"),
          referer: `${hostOf("notebook")}/lab`,
          authorization: "Bearer admin-token-of-the-tests",
          "x-forwarded-host": "evil.test",
          "x-xsrftoken": "t",
        },
      }),
      tunnelOf(session).then(async (tunnel) => {
        const { stream, open } = await requestAt(tunnel);
        expect(open).toMatchObject({
          host: "main1",
          port: 8888,
          method: "POST",
          path: "/api/kernels?x=%20",
          webSocket: false,
        });
        const headers = Object.fromEntries(open.headers.map(([name, value]) => [name.toLowerCase(), value]));
        expect(headers).toMatchObject({
          host: "localhost:8888",
          origin: "http://localhost:8888",
          referer: "http://localhost:8888/lab",
          cookie: "a=1; b=2",
          "x-forwarded-host": hostOf("notebook").slice("https://".length),
          "x-forwarded-proto": "https",
          "x-xsrftoken": "t",
        });
        expect(JSON.stringify(open)).not.toMatch(/admin-token|skein-dial|__Host/i);
        await tunnel.next("end");
        expect(tunnel.input.get(stream)).toBe("hello");
        tunnel.say(stream, {
          type: "response",
          status: 201,
          headers: [
            ["Set-Cookie", "_xsrf=1; Domain=apps.test; Path=/"],
            ["Set-Cookie", "user=2; Path=/; domain=.apps.test"],
            ["Set-Cookie", `${APP_COOKIE}=stolen; Path=/; Secure`],
            ["Location", "http://localhost:8888/lab"],
            ["Clear-Site-Data", '"*"'],
            ["X-Own", "1"],
          ],
        });
        tunnel.data(stream, "made");
        tunnel.say(stream, { type: "end" });
        tunnel.say(stream, { type: "close", code: "done", reason: "" });
      }),
    ]);
    expect([answer.status, await answer.text()]).toEqual([201, "made"]);
    expect(answer.headers.getSetCookie()).toEqual(["_xsrf=1; Path=/", "user=2; Path=/"]);
    expect(answer.headers.get("location")).toBe(`${hostOf("notebook")}/lab`);
    expect([answer.headers.get("clear-site-data"), answer.headers.get("x-own")]).toEqual([null, "1"]);
  });

  test("of another page counts as one without, whatever its method", async () => {
    const cookie = await cookieFor("notebook");
    const from = (headers: Record<string, string>, method = "GET") =>
      visit(hostOf("notebook"), { method, headers: { cookie, ...headers } });
    const refused = await Promise.all([
      from({ "sec-fetch-site": "same-site", "sec-fetch-mode": "cors" }),
      from({ "sec-fetch-site": "same-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "iframe" }),
      from(
        { "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document" },
        "POST",
      ),
      from({ origin: hostOf("board") }),
      from({ origin: hostOf("board"), upgrade: "websocket" }),
      from({ origin: "null", upgrade: "websocket" }),
    ]);
    expect(refused.map(({ status }) => status)).toEqual([401, 401, 401, 401, 401, 401]);
  });

  test("whose answer breaks off never looks whole", async () => {
    const cookie = await cookieFor("notebook");
    const [answer] = await Promise.all([
      visit(hostOf("notebook"), { headers: { cookie } }),
      tunnelOf(session).then(async (tunnel) => {
        const { stream } = await requestAt(tunnel);
        tunnel.say(stream, { type: "response", status: 200, headers: [] });
        tunnel.data(stream, "half");
        tunnel.say(stream, { type: "close", code: "failed", reason: "reset" });
      }),
    ]);
    await expect(answer.text()).rejects.toThrow();
  });

  test("to an app that does not listen is 502, and says why", async () => {
    const cookie = await cookieFor("notebook");
    const [answer] = await Promise.all([
      visit(hostOf("notebook"), { headers: { cookie } }),
      tunnelOf(session).then(async (tunnel) => {
        const { stream } = await tunnel.next("open");
        tunnel.say(stream, { type: "close", code: "refused", reason: "nothing accepts at port 8888" });
      }),
    ]);
    expect(await answer.json()).toMatchObject({
      status: 502,
      code: "app_unreachable",
      detail: "nothing accepts at port 8888",
    });
  });

  test("ends with its token, and with its session", async () => {
    const { id, headers } = await mint("user");
    const [cookie, kept] = [await cookieFor("notebook", headers), await cookieFor("notebook")];
    const [answer, tunnel] = await Promise.all([
      visit(hostOf("notebook"), { headers: { cookie } }),
      tunnelOf(session).then(async (opened) => {
        const { stream } = await requestAt(opened);
        opened.say(stream, { type: "response", status: 200, headers: [] });
        opened.data(stream, "event");
        return opened;
      }),
    ]);
    const text = answer.text();
    text.catch(() => {});
    await call("DELETE", `/v1/tokens/${id}`);
    expect((await tunnel.next("close")).message).toMatchObject({ code: "revoked" });
    await expect(text).rejects.toThrow();
    expect((await visit(hostOf("notebook"), { headers: { cookie } })).status).toBe(401);
    await call("DELETE", "/v1/sessions/train");
    await settled(session.id);
    expect((await visit(hostOf("notebook"), { headers: { cookie: kept } })).status).toBe(401);
  });
});

describe("a WebSocket", () => {
  /** Both ends, once the app has accepted it. */
  async function opened() {
    const cookie = await cookieFor("notebook");
    const [answer, at] = await Promise.all([
      visit(`${hostOf("notebook")}/channels`, {
        headers: {
          cookie,
          upgrade: "websocket",
          origin: hostOf("notebook"),
          "sec-websocket-protocol": "base64url.bearer.authorization.skein.eA, v1.kernel, v2.kernel",
        },
      }),
      tunnelOf(session).then(async (tunnel) => {
        const { stream, open } = await requestAt(tunnel);
        expect(open.webSocket).toBe(true);
        expect(open.headers).toContainEqual(["sec-websocket-protocol", "v1.kernel, v2.kernel"]);
        tunnel.say(stream, {
          type: "response",
          status: 101,
          headers: [["Sec-WebSocket-Protocol", "v2.kernel"]],
        });
        return { tunnel, stream };
      }),
    ]);
    expect([answer.status, answer.headers.get("sec-websocket-protocol")]).toEqual([101, "v2.kernel"]);
    const socket = answer.webSocket!;
    const heard: unknown[] = [];
    socket.binaryType = "arraybuffer";
    socket.addEventListener("message", ({ data }) =>
      heard.push(typeof data === "string" ? data : [...new Uint8Array(data)]),
    );
    const closed = new Promise<[number, string]>((resolve) =>
      socket.addEventListener("close", ({ code, reason }) => resolve([code, reason])),
    );
    socket.accept();
    return { socket, heard, closed, ...at };
  }

  test("passes texts and bytes on, each as it is, and a close with its code", async () => {
    const { socket, heard, closed, tunnel, stream } = await opened();
    const utf8 = new TextEncoder();
    const both = new Uint8Array([
      ...encodeMessage(KIND.text, utf8.encode("grüße")),
      ...encodeMessage(KIND.binary, utf8.encode("\0\x01")),
    ]);
    // In pieces that keep to no border.
    for (let at = 0; at < both.length; at += 4) tunnel.data(stream, both.subarray(at, at + 4));
    await vi.waitFor(() => expect(heard).toEqual(["grüße", [0, 1]]));
    socket.send("run");
    socket.send(utf8.encode("x"));
    const messages: SocketMessage[] = [];
    await vi.waitFor(() => {
      const bytes = utf8.encode(tunnel.input.get(stream) ?? "");
      messages.splice(0, messages.length, ...new MessageReader().read(bytes));
      expect(messages).toHaveLength(2);
    });
    expect(messages.map(({ kind, payload }) => [kind, new TextDecoder().decode(payload)])).toEqual([
      [KIND.text, "run"],
      [KIND.binary, "x"],
    ]);
    tunnel.data(stream, encodeMessage(KIND.close, new Uint8Array([0x0f, 0xa1, 0x62, 0x79, 0x65])));
    expect(await closed).toEqual([4001, "bye"]);
    await tunnel.next("end");
  });

  test("ends where the browser sends more than the app reads: nobody can tell a browser to wait", async () => {
    const { socket, closed } = await opened();
    const piece = new Uint8Array(4 * 1024 * 1024);
    for (let i = 0; i < 10; i++) socket.send(piece);
    expect(await closed).toEqual([4100, "over_credit"]);
  });

  test("says within its close why it broke", async () => {
    const { closed, tunnel } = await opened();
    tunnel.close();
    expect(await closed).toEqual([4100, "node_disconnected"]);
  });

  test("that is refused by the app gets the app's answer", async () => {
    const cookie = await cookieFor("notebook");
    const [answer] = await Promise.all([
      visit(hostOf("notebook"), { headers: { cookie, upgrade: "websocket" } }),
      tunnelOf(session).then(async (tunnel) => {
        const { stream } = await requestAt(tunnel);
        tunnel.say(stream, { type: "response", status: 403, headers: [] });
        tunnel.data(stream, "no");
        tunnel.say(stream, { type: "end" });
        tunnel.say(stream, { type: "close", code: "done", reason: "" });
      }),
    ]);
    expect([answer.status, await answer.text()]).toEqual([403, "no"]);
  });
});

test("an app's port and name are checked, and a session and its plan show them", async () => {
  const ask = (apps: unknown) => call<SessionView>("POST", "/v1/plans", { image: "debian:12", apps });
  const bad = [
    { name: "a--b", port: 1 },
    { name: "-a", port: 1 },
    { name: "a".repeat(31), port: 1 },
    { name: "A", port: 1 },
    { name: "a", port: 0 },
    { name: "a", port: 65_536 },
    { name: "a", port: 1, path: "//evil.test" },
    { name: "a", port: 1, path: "lab" },
  ];
  for (const app of bad) expect(problem(await ask([app]))[1], JSON.stringify(app)).toBe("invalid_request");
  expect(problem(await ask([APPS[0], APPS[0]]))).toEqual([400, "invalid_request", ["apps[1].name"]]);
  const shown = [APPS[0], { ...APPS[1], path: "/" }];
  expect((await ask(APPS)).body.apps).toEqual(shown);
  expect((await settled(session.id)).apps).toEqual(shown);
});
