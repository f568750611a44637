/** Apps in a real browser: a notebook that computes, and pages that try to read each other. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { createSkein, type Session, type Skein } from "../../sdk/index.ts";
import { APPS_DOMAIN, type Api, type Cluster, startApi, startCluster } from "../lab/cluster.ts";
import { photograph, startBrowser } from "../support/browser.ts";
import { type Front, plainFront, tlsFront } from "../support/tls-front.ts";

const ROOT = join(import.meta.dirname, "../..");
const ECHO = readFileSync(join(import.meta.dirname, "../support/echo_app.py"), "utf8");
const NOTEBOOK = JSON.stringify({
  cells: [
    {
      cell_type: "code",
      execution_count: null,
      metadata: {},
      outputs: [],
      source: "",
    },
  ],
  metadata: { kernelspec: { display_name: "Python 3", language: "python", name: "python3" } },
  nbformat: 4,
  nbformat_minor: 4,
});
const COMMAND = `mkdir -p /tmp/work && cd /tmp/work && printf %s "$NOTEBOOK" > try.ipynb
python3 -c "$ECHO" 7001 one & python3 -c "$ECHO" 7002 two &
exec jupyter notebook --allow-root --no-browser --port 8888 --NotebookApp.token= --NotebookApp.password=`;

let cluster: Cluster;
let session: Session;
let browser: Browser;
let front: Front;
/** Each test has a browser's profile of its own. */
let context: BrowserContext;

beforeAll(async () => {
  cluster = await startCluster({ hosts: 1, images: ["large"] });
  front = await tlsFront(APPS_DOMAIN, cluster.api.url, 443);
  browser = await startBrowser("127.0.0.1");
  session = await cluster.create({
    name: "nb",
    image: "skein/jupyter:12",
    command: ["bash", "-c", COMMAND],
    env: { NOTEBOOK, ECHO },
    apps: [
      { name: "notebook", port: 8888, path: "/notebooks/try.ipynb" },
      { name: "one", port: 7001 },
      { name: "two", port: 7002 },
    ],
  });
  expect(session.status, session.reason ?? "").toBe("running");
  await vi.waitFor(async () => expect(await listens("8888")).toBe(true), { timeout: 60_000 });
});

afterAll(async () => {
  await browser?.close();
  front?.close();
  await cluster?.close();
});

async function listens(port: string): Promise<boolean> {
  const script = `exec 3<>/dev/tcp/127.0.0.1/${port}`;
  return (await cluster.exec(session, "main1", ["bash", "-c", script])).code === 0;
}

async function newPage(): Promise<Page> {
  await context?.close();
  context = await browser.newContext({ ignoreHTTPSErrors: true, viewport: { width: 1000, height: 500 } });
  return await context.newPage();
}

async function linkTo(app: string, skein: Skein = cluster.skein): Promise<string> {
  return (await skein.createAppLink({ path: { id: "nb", name: app } })).url;
}

/** Runs the notebook's cell, and sees what it prints: a WebSocket brings that. */
async function expectCellRuns(page: Page, url: string, name: string): Promise<void> {
  await page.goto(url);
  await page.locator(".cell .CodeMirror").first().click();
  await expect
    .poll(() => page.locator("#kernel_indicator_icon").getAttribute("title"), { timeout: 60_000 })
    .toBe("Kernel Idle");
  // Not what an earlier run has left in the file.
  await page.keyboard.press("Control+A");
  await page.keyboard.insertText(`import socket\nprint(6 * 7, 'of', socket.gethostname(), '${name}')`);
  await page.keyboard.press("Shift+Enter");
  await expect
    .poll(
      () =>
        page
          .locator(".output_text")
          .first()
          .textContent({ timeout: 1000 })
          .catch(() => ""),
      { timeout: 60_000 },
    )
    .toContain(`42 of main1 ${name}`);
  await photograph(page, name);
}

interface Opened {
  url: string;
  command: ChildProcess;
}

/** `skein open`. */
async function open(app: string): Promise<Opened> {
  const env = { ...process.env, SKEIN_API: cluster.api.url, SKEIN_TOKEN: cluster.api.token };
  const command = spawn(join(ROOT, "skein"), ["open", "nb", app, "--no-browser"], {
    cwd: ROOT,
    env,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [line] = (await once(command.stdout!, "data")) as [Buffer];
  return { url: /at (\S+)/.exec(line.toString())![1]!, command };
}

async function close({ command }: Opened): Promise<void> {
  command.kill("SIGTERM");
  await once(command, "close");
}

describe("a notebook computes", () => {
  test("through skein open", async () => {
    const opened = await open("notebook");
    await expectCellRuns(await newPage(), opened.url, "notebook-through-skein-open");
    await close(opened);
  });

  test("at the API's host for it, behind TLS", async () => {
    const page = await newPage();
    await expectCellRuns(page, await linkTo("notebook"), "notebook-through-apps-domain");
    expect(new URL(page.url()).host).toBe(`notebook--${session.id.slice(4)}.${APPS_DOMAIN}`);
    expect(page.url()).not.toContain("link=");
    expect(await page.evaluate("document.cookie")).not.toContain("skein");
    const without = await (await newPage()).goto(page.url()).catch(() => undefined);
    expect(without?.status()).toBe(401);
  });
});

/** What a page gets of an address: what it can read, or why not. */
function tried(page: Page, url: string): Promise<Record<string, string>> {
  const script = `(async (url) => {
    const said = async (work) => { try { return await work(); } catch (error) { return "refused"; } };
    const socket = () => new Promise((resolve) => {
      const opened = new WebSocket(url.replace(/^http/, "ws") + "/echo");
      opened.onopen = () => resolve("open");
      opened.onerror = () => resolve("refused");
    });
    const frame = () => new Promise((resolve) => {
      const made = document.createElement("iframe");
      made.onload = () => resolve(said(() => made.contentWindow.document.title));
      made.src = url + "/headers";
      document.body.append(made);
    });
    return {
      fetch: await said(async () => (await fetch(url + "/headers", { credentials: "include" })).text()),
      socket: await socket(),
      frame: await frame(),
    };
  })(${JSON.stringify(url)})`;
  return page.evaluate(script);
}

const NOTHING = { fetch: "refused", socket: "refused", frame: "refused" };

describe("a page of one app reads nothing of another, though that lets everybody", () => {
  test("at the API, with both cookies in the browser", async () => {
    const page = await newPage();
    await page.goto(await linkTo("one"));
    const one = new URL(page.url()).origin;
    const own = await tried(page, one);
    expect(own).toEqual({ fetch: expect.stringContaining("localhost:7001"), socket: "open", frame: "" });
    await page.goto(await linkTo("two"));
    expect(await tried(page, one)).toEqual(NOTHING);
    // Cookies of the whole domain would come with the next request.
    await page.goto(`${one}/cookies`);
    await page.goto(await linkTo("two"));
    const names = (await context.cookies()).map(({ name, domain }) => [name, domain.startsWith(".")]);
    expect(names).toContainEqual(["a", false]);
    expect(names.filter(([, isWide]) => isWide)).toEqual([]);
  });

  test("through skein open", async () => {
    const [one, two] = [await open("one"), await open("two")];
    const page = await newPage();
    await page.goto(two.url);
    expect(await tried(page, new URL(one.url).origin)).toEqual(NOTHING);
    expect(await tried(page, cluster.api.url)).toEqual(NOTHING);
    await Promise.all([close(one), close(two)]);
  });
});

test("an API on loopback serves apps under localhost, whose cookie a browser takes without TLS", async () => {
  await cluster.api.kill("SIGTERM");
  let api: Api | undefined;
  let local: Front | undefined;
  try {
    api = await startApi(cluster.lab, { name: "api", port: 8787, settings: { appsDomain: "localhost" } });
    local = await plainFront(api.url);
    const skein = createSkein({ api: `http://127.0.0.1:${local.port}`, token: api.token });
    await expect
      .poll(async () => (await skein.listNodes()).items[0]?.status, { timeout: 60_000 })
      .toBe("ready");
    const page = await newPage();
    const url = await linkTo("one", skein);
    await page.goto(url);
    expect(page.url()).toBe(`http://one--${session.id.slice(4)}.localhost:${local.port}/`);
    expect(await page.title()).toBe("one");
    await page.goto(await linkTo("two", skein));
    expect(await tried(page, new URL(url).origin)).toEqual(NOTHING);
    expect(await tried(page, `http://127.0.0.1:${local.port}`)).toEqual(NOTHING);
  } finally {
    local?.close();
    await api?.kill("SIGKILL");
    await cluster.api.start();
  }
});
