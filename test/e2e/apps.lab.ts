/** Apps of a session: through `skein open`, and at the API's hosts for them. */
import { execFile } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import type { SessionView } from "../../shared/session/session-schemas.ts";
import { APPS_DOMAIN } from "../lab/cluster.ts";
import { begin, closeOf, type Host, nextMessage, openSocket, visit } from "../support/browser-like.ts";
import { type Command, skein, start } from "./cli.ts";
import { cluster, end, request, running } from "./skein.ts";

const ECHO = readFileSync(join(import.meta.dirname, "../support/echo_app.py"), "utf8");
const COMMAND =
  'python3 -c "$ECHO" 7001 one & python3 -c "$ECHO" 7002 two & python3 -c "$ECHO" 7003 undeclared & wait';

/** What a user may wait for word of a fault. */
const WORD_MS = 30_000;

let session: SessionView;
let opened: Command;

/** A way to the app `one`: `skein open`, or the API. */
interface Way extends Host {
  origin: string;
  headers: Record<string, string>;
}
const ways: Record<"open" | "api", Way> = {} as never;

const apiHost = async (app: string, id = session.id): Promise<Host> => ({
  at: (await cluster()).api.url,
  name: `${app}--${id.slice("ses_".length)}.${APPS_DOMAIN}`,
});

async function linkTo(app: string, headers: Record<string, string> = {}): Promise<URL> {
  const { status, body } = await request<{ url: string }>(
    "POST",
    `/v1/sessions/apps/apps/${app}/links`,
    undefined,
    headers,
  );
  expect(status, JSON.stringify(body)).toBe(201);
  return new URL(body.url);
}

async function cookieFor(app: string, headers: Record<string, string> = {}): Promise<string> {
  const { pathname, search } = await linkTo(app, headers);
  const answer = await visit(await apiHost(app), pathname + search);
  expect(answer.status).toBe(303);
  return answer.headers["set-cookie"]![0]!.split(";")[0]!;
}

beforeAll(async () => {
  session = await running({
    name: "apps",
    image: "skein/debian:12",
    command: ["bash", "-c", COMMAND],
    env: { ECHO },
    apps: [
      { name: "one", port: 7001, path: "/start" },
      { name: "two", port: 7002 },
    ],
  });
  await vi.waitFor(async () => expect((await printed()).match(/^up$/gm) ?? []).toHaveLength(3), WORD_MS);
  opened = await openOne();
  const host = await apiHost("one");
  ways.api = { ...host, origin: `https://${host.name}`, headers: { cookie: await cookieFor("one") } };
});

afterAll(async () => {
  opened?.signal("SIGTERM");
  await opened?.ended;
  await end(session);
});

async function openOne(): Promise<Command> {
  const command = await start(["open", "apps", "one", "--no-browser"]);
  await vi.waitFor(() => expect(command.stdout().toString()).toMatch(/^one of apps is at /), WORD_MS);
  const url = new URL(/at (\S+)/.exec(command.stdout().toString())![1]!);
  expect([url.hostname, url.port, url.pathname]).toEqual([
    `one--${session.id.slice(4)}.localhost`,
    "7001",
    "/start",
  ]);
  ways.open = { at: `http://127.0.0.1:${url.port}`, name: url.host, origin: url.origin, headers: {} };
  return command;
}

async function printed(): Promise<string> {
  return (await skein(["logs", "apps"])).stdout.toString();
}

describe.each(["open", "api"] as const)("through %s", (name) => {
  const way = () => ways[name];
  const ask = (path: string, asking: Parameters<typeof visit>[2] = {}) =>
    visit(way(), path, { ...asking, headers: { ...way().headers, ...asking.headers } });

  test("the app sees a request of its own machine, and where the browser is", async () => {
    const { origin } = way();
    const { body } = await ask("/headers?x=%2F", {
      headers: {
        origin,
        referer: `${origin}/lab`,
        cookie: `mine=1; ${way().headers["cookie"] ?? ""}`,
        authorization: "Bearer skt_a.b",
      },
    });
    const lines = body.toString().trim().split("\n");
    const headers = Object.fromEntries(
      lines
        .map((line) => /^(.*?): (.*)$/.exec(line)!.slice(1))
        .map(([key, value]) => [key!.toLowerCase(), value!]),
    );
    expect(headers).toMatchObject({
      host: "localhost:7001",
      origin: "http://localhost:7001",
      referer: "http://localhost:7001/lab",
      "x-forwarded-host": new URL(origin).host,
      "x-forwarded-proto": new URL(origin).protocol.slice(0, -1),
    });
    expect(headers["cookie"]).toMatch(/^mine=1;?$/);
    expect(headers).not.toHaveProperty("authorization");
  });

  test("answers, redirects and cookies come back for the app's own host", async () => {
    expect((await ask("/x")).body.toString()).toBe("<title>one</title>/x");
    expect((await ask("/cookies")).headers["set-cookie"]).toEqual(["a=1", "b=2; Path=/x"]);
    expect((await ask("/redirect")).headers.location).toBe(`${way().origin}/there`);
    const head = await ask("/x", { method: "HEAD" });
    expect([head.status, head.body.length]).toEqual([200, 0]);
  });

  test("bodies of any size go both ways, with a length or without", async () => {
    const body = randomBytes(5_000_000);
    const sum = createHash("sha256").update(body).digest("hex");
    const lengths = [{ "content-length": String(body.length) }, { "transfer-encoding": "chunked" }];
    for (const headers of lengths)
      for (const method of ["POST", "DELETE"])
        expect((await ask("/", { method, body, headers })).body.toString()).toBe(
          `${method} ${body.length} ${sum}`,
        );
    const large = await ask("/large");
    expect([large.body.length, large.headers["content-length"]]).toEqual([20_000_000, "20000000"]);
    const packed = await ask("/packed");
    expect([packed.body.toString(), packed.headers["content-encoding"], packed.headers.etag]).toEqual([
      ...["not really gzip", "gzip", '"1"'],
    ]);
    await expect(ask("/broken")).rejects.toThrow(/aborted|terminated|socket hang up/);
  });

  test("events come one by one, and the app hears when the browser leaves, also where nothing flows", async () => {
    const lefts = async () => (await printed()).match(/^left$/gm)?.length ?? 0;
    const before = await lefts();
    const answer = await begin(way(), "/events", { headers: way().headers });
    const [first] = (await once(answer, "data")) as [Buffer];
    expect(first.toString()).toMatch(/^data: 0\n/);
    expect(first.length).toBeLessThan(1000);
    const idle = await begin(way(), "/idle", { headers: way().headers });
    expect(String((await once(idle, "data"))[0])).toBe(": nothing follows\n");
    for (const each of [answer, idle]) each.destroy();
    await vi.waitFor(async () => expect(await lefts()).toBe(before + 2), WORD_MS);
  });

  test("WebSockets carry texts, bytes and a close, with the app's subprotocol", async () => {
    const { origin, headers } = way();
    const socket = await openSocket(way(), "/echo", { origin, ...headers }, ["other", "echo"]);
    expect(socket.protocol).toBe("echo");
    for (const message of ["grüße", "", randomBytes(3_000_000), Buffer.alloc(0)]) {
      const heard = nextMessage(socket);
      socket.send(message);
      const [data, binary] = await heard;
      expect(binary).toBe(typeof message !== "string");
      expect(data.equals(Buffer.from(message as string))).toBe(true);
    }
    const closed = closeOf(socket);
    socket.send("close");
    expect(await closed).toEqual([4001, "bye"]);
    const other = await openSocket(way(), "/echo", { origin, ...headers });
    const left = closeOf(other);
    other.close(4002, "enough");
    expect(await left).toEqual([4002, "enough"]);
    await expect(openSocket(way(), "/refused", { origin, ...headers })).rejects.toThrow("403");
  });

  test("no other page gets anything, also where the app itself would let it", async () => {
    const { headers } = way();
    const origin = `https://two--${session.id.slice(4)}.${APPS_DOMAIN}`;
    const refused = name === "open" ? 403 : 401;
    const foreign = await visit(way(), "/headers", {
      headers: { ...headers, origin, "sec-fetch-site": "same-site" },
    });
    expect(foreign.status).toBe(refused);
    expect(Object.keys(foreign.headers).filter((each) => each.startsWith("access-control"))).toEqual([]);
    await expect(openSocket(way(), "/echo", { origin, ...headers })).rejects.toThrow(String(refused));
  });
});

describe("at the API", () => {
  test("a link works once, and a cookie for its own app only", async () => {
    const { pathname, search } = await linkTo("one");
    const host = await apiHost("one");
    const first = await visit(host, pathname + search);
    expect([first.status, first.headers.location]).toEqual([303, "/start"]);
    expect((await visit(host, pathname + search)).status).toBe(401);
    const cookie = await cookieFor("two");
    expect((await visit(host, "/", { headers: { cookie } })).status).toBe(401);
    expect((await visit(await apiHost("two"), "/", { headers: { cookie } })).body.toString()).toContain(
      "two",
    );
    for (const app of ["one", "undeclared", "7003"])
      expect((await visit(await apiHost(app), "/v1/sessions")).status, app).toBe(401);
  });

  test("the client for Python makes links, too", async () => {
    const { api } = await cluster();
    const program =
      "import os, skein; print(skein.Skein(os.environ['SKEIN_API'], os.environ['SKEIN_TOKEN']).app_link('apps', 'two'))";
    const env = { ...process.env, SKEIN_API: api.url, SKEIN_TOKEN: api.token, PYTHONDONTWRITEBYTECODE: "1" };
    const own = { env: { ...env, PYTHONPATH: join(import.meta.dirname, "../../sdk/python") } };
    const { pathname, search } = new URL(
      (await promisify(execFile)("python3", ["-c", program], own)).stdout.trim(),
    );
    expect((await visit(await apiHost("two"), pathname + search)).status).toBe(303);
  });

  test("a port that is not declared cannot be named", async () => {
    const link = await request("POST", "/v1/sessions/apps/apps/undeclared/links");
    expect(link.status).toBe(404);
    const open = await skein(["open", "apps", "undeclared", "--no-browser"]);
    expect([open.code, open.stderr]).toEqual([1, expect.stringContaining("it has one, two")]);
  });

  test("a revoked token ends its app's streams", async () => {
    const made = await request<{ id: string; token: string }>("POST", "/v1/tokens", {
      project: "default",
      role: "user",
    });
    const cookie = await cookieFor("one", { authorization: `Bearer ${made.body.token}` });
    const host = await apiHost("one");
    const socket = await openSocket(host, "/counting", { cookie });
    const answer = await begin(host, "/events", { headers: { cookie } });
    answer.on("error", () => {}).resume();
    const broken = new Promise((resolve) => answer.once("close", resolve));
    const closed = closeOf(socket);
    await request("DELETE", `/v1/tokens/${made.body.id}`);
    expect(await closed).toEqual([4100, "revoked"]);
    await broken;
    expect(answer.complete).toBe(false);
    expect((await visit(host, "/", { headers: { cookie } })).status).toBe(401);
  });
});

test("skein open answers no other name: a page of another site may have its name lead here", async () => {
  const { at } = ways.open;
  for (const name of [
    new URL(at).host,
    `localhost:${new URL(at).port}`,
    `evil.test:${new URL(at).port}`,
    ways.open.name.replace("one", "two"),
  ])
    expect((await visit({ at, name }, "/")).status, name).toBe(403);
});

describe("what fails in the middle of a WebSocket is said within 30 s, and leaves nothing open:", () => {
  const node = async () => {
    const { agents, lab } = await cluster();
    const { name } = { name: session.containers[0]!.node };
    return {
      agent: agents.find((each) => each.name === name)!,
      host: lab.hosts.find((each) => each.name === name)!,
    };
  };

  interface Fault {
    what: string;
    begin(): Promise<void>;
    end(): Promise<void>;
    /** How the browser's socket at the API closes. */
    close: [number, string];
    /** What `skein open` says. */
    word: RegExp;
  }
  const faults: Fault[] = [
    {
      what: "the node's agent",
      begin: async () => (await node()).agent.kill("SIGKILL"),
      end: async () => (await node()).agent.start(),
      close: [4100, "node_disconnected"],
      word: /the node's tunnel broke/,
    },
    {
      what: "the node's cable",
      begin: async () => (await node()).host.linkDown(),
      end: async () => (await node()).host.linkUp(),
      close: [4100, "node_disconnected"],
      word: /silent for too long/,
    },
    {
      what: "the API",
      begin: async () => (await cluster()).api.kill("SIGKILL"),
      end: async () => (await cluster()).api.start(),
      close: [1006, ""],
      word: /the connection to the API broke/,
    },
  ];

  const overs = async () => (await printed()).match(/^socket over$/gm)?.length ?? 0;

  test.each(faults)("$what", async ({ begin: fail, end: mend, close, word }) => {
    const before = await overs();
    const sockets = await Promise.all(
      [ways.open, ways.api].map((way) => openSocket(way, "/counting", way.headers)),
    );
    await Promise.all(sockets.map(nextMessage));
    const closes = Promise.all(sockets.map(closeOf));
    const began = performance.now();
    await fail();
    const [outcome, [, atApi]] = await Promise.all([opened.ended, closes]);
    expect(performance.now() - began).toBeLessThan(WORD_MS);
    expect([outcome.code, outcome.stderr]).toEqual([1, expect.stringMatching(word)]);
    expect(atApi).toEqual(close);
    await mend();
    await vi.waitFor(async () => expect(await overs()).toBe(before + 2), 2 * WORD_MS);
    opened = await openOne();
    expect((await visit(ways.api, "/", ways.api)).status).toBe(200);
  });
});
