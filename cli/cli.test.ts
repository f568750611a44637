/** The command line as users run it: the launcher, a real `skein serve`, no nodes. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ROOT } from "./paths.ts";
import { contentOf, filesBelow } from "./testing/files-below.ts";
import { onTerminal } from "./testing/terminal.ts";

const LAUNCHER = join(ROOT, "skein");
const directory = mkdtempSync(join(tmpdir(), "skein-cli-"));
const data = join(directory, "data");

interface Ran {
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs the launcher with the server's address and token, unless `env` says otherwise. */
async function skein(
  args: readonly string[],
  options: { env?: NodeJS.ProcessEnv; launcher?: string; input?: string } = {},
): Promise<Ran> {
  const env = { ...process.env, SKEIN_API: url, SKEIN_TOKEN: token(), ...options.env };
  const child = spawn(options.launcher ?? LAUNCHER, args, {
    cwd: directory,
    env,
    stdio: ["pipe", "pipe", "pipe"],
  });
  // It may end without reading its input.
  child.stdin.on("error", () => {});
  child.stdin.end(options.input);
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, "exit"),
  ]);
  return { code, stdout, stderr };
}

const token = () => readFileSync(join(data, "admin-token"), "utf8").trim();

/** Resolves with the first line of stdout. */
async function serve(): Promise<{ child: ChildProcess; line: string }> {
  const child = spawn(
    LAUNCHER,
    ["serve", "--listen", "127.0.0.1:0", "--data", data, "--set", "MAX_BODY_BYTES=4096"],
    {
      cwd: directory,
      stdio: ["ignore", "pipe", "pipe"],
    },
  );
  const [line] = await once(createInterface({ input: child.stdout }), "line");
  return { child, line };
}

async function end(signal: NodeJS.Signals): Promise<number | null> {
  server.kill(signal);
  const [code] = await once(server, "exit");
  return code;
}

let server: ChildProcess;
let url: string;

beforeAll(async () => {
  const { child, line } = await serve();
  server = child;
  url = /^skein api ready at (http:\/\/127\.0\.0\.1:\d+)$/.exec(line)![1]!;
});

afterAll(async () => {
  if (server.exitCode === null && server.signalCode === null) await end("SIGTERM");
  rmSync(directory, { recursive: true });
});

describe("skein serve", () => {
  test("keeps its data and its token to its own user", () => {
    expect(statSync(data).mode & 0o777).toBe(0o700);
    expect(statSync(join(data, "admin-token")).mode & 0o777).toBe(0o600);
    expect(statSync(`${data}.secrets-key`).mode & 0o777).toBe(0o600);
  });

  test("refuses a data directory that another one uses", async () => {
    const { code, stderr } = await skein(["serve", "--listen", "127.0.0.1:0", "--data", data]);
    expect([code, stderr]).toEqual([
      1,
      expect.stringContaining(`another skein serve uses the data in ${data}`),
    ]);
  });

  test("keeps the settings it was given", async () => {
    const body = (length: number) => ({
      method: "POST",
      headers: { authorization: `Bearer ${token()}`, "content-type": "application/json" },
      body: " ".repeat(length),
    });
    expect((await fetch(`${url}/v1/sessions`, body(4096))).status).toBe(400);
    const refused = await fetch(`${url}/v1/sessions`, body(4097));
    expect(await refused.json()).toMatchObject({ status: 413, detail: "the body has more than 4096 bytes" });
  });

  test.each(["MAX_BODY_BYTES=1", "NO_SUCH=1", "MAX_BODY_BYTES"])("refuses --set %s", async (pair) => {
    const { code, stderr } = await skein(["serve", "--data", join(directory, "other"), "--set", pair]);
    expect([code, stderr]).toEqual([2, expect.stringContaining("--set")]);
  });

  test("refuses an address that is taken", async () => {
    const other = join(directory, "other");
    const { code, stderr } = await skein(["serve", "--listen", new URL(url).host, "--data", other]);
    expect([code, stderr]).toEqual([1, expect.stringContaining(`${new URL(url).host} is in use`)]);
  });
});

describe("a session that has to wait for nodes", () => {
  test("is made, listed and described with the reason beside its state, and ended", async () => {
    const made = await skein(["run", "--detach", "--json", "--name", "waits", "--image", "a", "--size", "2"]);
    expect(made.code, made.stderr).toBe(0);
    const session = JSON.parse(made.stdout);
    expect(session).toMatchObject({ name: "waits", status: "pending", clusterSize: 2 });
    expect(session.reason).toMatch(/\w/);

    const listed = await skein(["ps"]);
    expect(listed.stdout.split("\n")[0]).toMatch(/^NAME +ID +STATUS +MODE +SIZE +NODES +AGE +REASON$/);
    expect(listed.stdout).toMatch(
      new RegExp(`^waits +${session.id} +pending +single-node +2 +- +\\d+s +\\S`, "m"),
    );
    expect(listed.stdout).toContain(session.reason);

    const described = await skein(["describe", "waits"]);
    expect(described.stdout).toContain(
      `waits (${session.id}) is pending: single-node, 2 containers\n${session.reason}`,
    );
    expect(described.stdout).toMatch(/^sub1 +- +- +pending/m);

    expect((await skein(["completion", "bash", "--", "describe", "wa"])).stdout).toBe("waits\tpending\n");

    const removed = await skein(["rm", "waits"]);
    expect(removed).toMatchObject({ code: 0, stdout: expect.stringContaining("waits") });
    expect(removed.stdout).toContain("is terminated");
    expect((await skein(["ps"])).stdout).not.toContain("waits");
    expect((await skein(["ps", "-a"])).stdout).toContain("waits");
    const ids = await skein(["ps", "-q", "--status", "terminated", "--status", "failed"]);
    expect(ids.stdout).toMatch(/^(ses_[a-z0-9]+\n)+$/);
    expect(await skein(["ps", "-q", "--status", "running"])).toMatchObject({ code: 0, stdout: "" });
    expect(await skein(["ps", "--status", "ended"])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("--status must be one of pending, "),
    });
  });
});

/** A command that goes on, and the lines of its stdout so far. */
function following(args: readonly string[]) {
  const child = spawn(LAUNCHER, args, {
    cwd: directory,
    env: { ...process.env, SKEIN_API: url, SKEIN_TOKEN: token() },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const lines: string[] = [];
  createInterface({ input: child.stdout }).on("line", (line) => lines.push(line));
  return { lines, stop: () => child.kill("SIGTERM"), exit: once(child, "exit") };
}

describe("following", () => {
  const made = async (name: string) =>
    JSON.parse((await skein(["run", "-d", "--json", "--name", name, "--image", "a"])).stdout) as {
      id: string;
    };

  test("events tells what happens to a session, and ends with it", async () => {
    const { id } = await made("followed");
    const events = following(["events", "followed", "--json"]);
    const all = following(["events"]);
    await expect.poll(() => events.lines.length).toBe(1);
    await skein(["rm", "followed"]);
    expect(await events.exit).toEqual([0, null]);
    expect(events.lines.map((line) => JSON.parse(line))).toMatchObject([
      { event: "session", id: "1", sessionId: id, name: "followed", status: "pending", epoch: 0 },
      { event: "session", id: "2", sessionId: id, status: "terminating", reason: "ended by request" },
      { event: "session", id: "3", sessionId: id, status: "terminated" },
    ]);
    await expect
      .poll(() => all.lines.filter((line) => line.includes("followed")).map((line) => line.slice(25)))
      .toEqual([
        "followed is pending",
        "followed is terminating: ended by request",
        "followed is terminated: ended by request",
      ]);
    all.stop();
    const last = await skein(["events", "followed", "--tail", "1"]);
    expect(last.stdout).toMatch(/^\S+Z followed is terminated: ended by request\n$/);
  });

  test("events of an unknown session, or of an API that is not there, fails at once", async () => {
    expect(await skein(["events", "nobody"])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("nobody"),
    });
    const away = await skein(["events"], { env: { SKEIN_API: "http://127.0.0.1:1" } });
    expect(away).toMatchObject({ code: 1, stderr: expect.stringContaining("no answer from the API") });
  });

  test("ps --watch shows the sessions again whenever one changes", async () => {
    const watch = following(["ps", "--watch", "--json"]);
    const shown = () =>
      watch.lines.map((line) =>
        (JSON.parse(line) as { name: string; status: string }[]).map(({ name }) => name),
      );
    await expect.poll(shown).toEqual([[]]);
    await made("watched");
    await expect.poll(shown).toEqual([[], ["watched"]]);
    await skein(["rm", "watched"]);
    await expect.poll(() => shown().at(-1)).toEqual([]);
    watch.stop();
  });
});

describe.runIf(process.platform === "linux")("on a terminal", () => {
  const terminal = (columns: number, ...args: string[]) =>
    onTerminal(
      [LAUNCHER, ...args],
      { ...process.env, SKEIN_API: url, SKEIN_TOKEN: token() },
      { columns, rows: 12 },
    );

  test("run shows what it waits for in whole words, and leaves the outcome alone", async () => {
    const { screen, exit } = terminal(40, "run", "--image", "a", "--name", "waiting");
    const text = () => screen.lines.join(" ").replace(/ +/g, " ");
    await expect.poll(text).toContain("main1 - pending");
    const { reason } = JSON.parse((await skein(["describe", "waiting", "--json"])).stdout) as {
      reason: string;
    };
    await expect.poll(text).toContain(`waiting is pending: ${reason} main1 - pending`);
    await skein(["rm", "waiting"]);
    expect(await exit).toBe(0);
    expect(screen.lines[0]).toMatch(/^waiting \(ses_/);
    expect(text()).not.toContain("pending");
  });

  test("Ctrl-C leaves the session, and says so", async () => {
    const { screen, type, exit } = terminal(80, "run", "--image", "a", "--name", "left");
    await expect.poll(() => screen.lines.join("\n")).toContain("main1  -  pending");
    type("\x03");
    expect(await exit).toBe(130);
    expect(screen.lines.filter(Boolean)).toEqual([
      "left goes on; skein describe left shows it, skein rm left ends it",
    ]);
    await skein(["rm", "left"]);
  });

  test("Ctrl-C ends a job, and its progress goes on below", async () => {
    const { screen, type, exit } = terminal(80, "run", "--image", "a", "--name", "job", "--", "true");
    await expect.poll(() => screen.lines.join("\n")).toContain("main1  -  pending");
    type("\x03");
    expect(await exit).toBe(130);
    const [first, ...others] = screen.lines;
    expect(first).toBe("ending job; Ctrl-C again leaves at once");
    expect(others.join("\n")).not.toMatch(/pending|\^C/);
  });

  test("ps --watch draws its table in place", async () => {
    const { screen, type, exit } = terminal(60, "ps", "--watch");
    const names = () => screen.lines.map((line) => line.split(" ")[0]);
    await expect.poll(names).toEqual(["NAME", ""]);
    await skein(["run", "-d", "--image", "a", "--name", "one"]);
    await expect.poll(names).toEqual(["NAME", "one", ""]);
    await skein(["run", "-d", "--image", "a", "--name", "two"]);
    await expect.poll(names).toEqual(["NAME", "two", "one", ""]);
    await skein(["rm", "one", "two"]);
    await expect.poll(names).toEqual(["NAME", ""]);
    type("\x03");
    await exit;
  });
});

describe("a refusal of the API", () => {
  test("is shown field by field, with exit code 1", async () => {
    const { code, stdout, stderr } = await skein(["run", "--image", "a", "--size", "0"]);
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toMatch(/^ {2}clusterSize: /m);
  });

  test("of a plan shows the reason, and the problem itself with --json", async () => {
    const told = await skein(["plan", "--image", "a"]);
    expect([told.code, told.stdout]).toEqual([1, ""]);
    expect(told.stderr).toMatch(/^skein: \w/);
    const { stdout } = await skein(["plan", "--image", "a", "--json"]);
    expect(JSON.parse(stdout)).toMatchObject({ code: "unschedulable", status: 409 });
  });

  test("of an unknown session names it", async () => {
    const { code, stderr } = await skein(["describe", "nobody"]);
    expect([code, stderr]).toEqual([1, expect.stringContaining("nobody")]);
  });

  test("of the token says where to find a token", async () => {
    const { code, stderr } = await skein(["ps"], { env: { SKEIN_TOKEN: "wrong" } });
    expect([code, stderr]).toEqual([1, expect.stringContaining("or set SKEIN_TOKEN")]);
    expect(stderr).not.toContain("wrong");
  });
});

describe("secrets", () => {
  const PASSWORD = "planted-password";

  test("credentials for a registry are stored, listed and forgotten; nothing shows the password", async () => {
    const login = ["registry", "login", "r.example:5000", "--username", "robot"];
    const said = [await skein([...login, "--password-stdin"], { input: `${PASSWORD}\n` })];
    expect(said[0]).toMatchObject({
      code: 0,
      stdout: "sessions of this project pull from r.example:5000 as robot now\n",
    });
    said.push(await skein(["registry", "ls"]), await skein(["registry", "ls", "--json"]));
    expect(said[1]!.stdout).toMatch(/^HOST +USER +UPDATED\nr\.example:5000 +robot +2\S+\n$/);
    expect(JSON.parse(said[2]!.stdout)).toMatchObject([{ host: "r.example:5000", username: "robot" }]);
    said.push(
      await skein(["registry", "rm", "r.example:5000"]),
      await skein(["registry", "rm", "r.example:5000"]),
    );
    expect(said.slice(3).map(({ code }) => code)).toEqual([0, 1]);
    expect(JSON.stringify(said)).not.toContain("planted");

    const wrong = [login, [...login, "--password-stdin"], login.slice(0, 3)];
    const refused = await Promise.all(wrong.map((args) => skein(args)));
    expect(refused.map(({ code }) => code)).toEqual([2, 1, 2]);
    expect(refused.map(({ stderr }) => stderr)).toEqual([
      expect.stringContaining("--password-stdin is needed"),
      expect.stringContaining("the password is empty"),
      expect.stringContaining("--username is missing"),
    ]);
  });

  test("are nowhere in the data, whose copy does not hold the key", async () => {
    await skein(["registry", "login", "r.example", "-u", "robot", "--password-stdin"], { input: PASSWORD });
    const ran = await skein(["run", "--detach", "--image", "a", "--secret-env", "TOKEN", "--json"], {
      env: { TOKEN: "planted-in-env" },
    });
    expect(ran.code, ran.stderr).toBe(0);
    expect(ran.stdout).not.toContain("planted");
    const key = readFileSync(`${data}.secrets-key`, "utf8").trim();
    const texts = filesBelow(data).map((path) => contentOf(path).toString("latin1"));
    expect(texts.some((text) => text.includes("r.example"))).toBe(true);
    expect(texts.some((text) => text.includes("sealedSecrets"))).toBe(true);
    expect(texts.filter((text) => text.includes("planted") || text.includes(key))).toEqual([]);
  });
});

describe("tokens", () => {
  test("a new token works in its project, is listed, and stops working once it is revoked", async () => {
    const made = await skein([
      "token",
      "create",
      "--project",
      "vision",
      "--expires",
      "12h",
      "--note",
      "nightly",
    ]);
    expect(made).toMatchObject({ code: 0, stdout: expect.stringMatching(/^skt_[\w-]+\.[\w-]{43}\n$/) });
    const id = /^(tok_\w{26}): role user in project vision, until 2/.exec(made.stderr)![1]!;
    const mine = { env: { SKEIN_TOKEN: made.stdout.trim() } };

    const ran = await skein(["run", "--detach", "--json", "--name", "hers", "--image", "a"], mine);
    expect(ran.code, ran.stderr).toBe(0);
    expect((await skein(["ps"], mine)).stdout).toContain("hers");
    expect((await skein(["ps"])).stdout).not.toContain("hers");
    const forbidden = await skein(["node", "ls"], mine);
    expect(forbidden).toMatchObject({ code: 1, stderr: expect.stringContaining("needs the role admin") });

    const list = await skein(["token", "ls"]);
    expect(list.stdout).toMatch(/^ID +PROJECT +ROLE +STATUS +EXPIRES +NOTE$/m);
    expect(list.stdout).toMatch(new RegExp(`^${id} +vision +user +active +\\S+ +nightly$`, "m"));
    expect(await skein(["token", "revoke", id])).toMatchObject({ code: 0, stdout: `${id} is revoked\n` });
    expect((await skein(["token", "ls"])).stdout).toMatch(new RegExp(`^${id} .*revoked`, "m"));
    const refused = await skein(["ps"], mine);
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining("this token was revoked") });
    expect(refused.stderr).not.toContain(made.stdout.trim());

    const log = await skein(["audit", "--limit", "99"]);
    expect(log.stdout).toMatch(/^AT +ACTOR +PROJECT +ACTION +TARGET +STATUS$/m);
    expect(log.stdout).toMatch(new RegExp(`^\\S+ +${id} +vision +createSession +ses_\\w+ +202$`, "m"));
    expect(log.stdout).toMatch(new RegExp(`^\\S+ +admin-token +default +revokeToken +${id} +204$`, "m"));
    const two = JSON.parse((await skein(["audit", "--limit", "2", "--json"])).stdout) as { at: string }[];
    expect(two.map(({ at }) => at)).toEqual(
      two
        .map(({ at }) => at)
        .toSorted()
        .toReversed(),
    );
    expect(two).toHaveLength(2);
  });

  test.each([
    [["token", "create"], "--project is missing"],
    [["token", "create", "--project", "a", "--role", "root"], "--role must be viewer or user or admin"],
    [["token", "create", "--project", "a", "--expires", "soon"], "--expires must be a time"],
    [["token", "revoke"], "ID is missing"],
  ])("%j is wrong usage", async (args, message) => {
    expect(await skein(args)).toMatchObject({
      code: 2,
      stdout: "",
      stderr: expect.stringContaining(message),
    });
  });
});

test("nodes: none yet, and a token to join with", async () => {
  expect((await skein(["node", "ls"])).stdout).toMatch(/^NAME +STATUS/);
  expect(JSON.parse((await skein(["node", "ls", "--json"])).stdout)).toEqual([]);
  const { stdout, stderr } = await skein(["join-token"]);
  expect(stdout).toMatch(/^\S{20,}\n$/);
  expect(stderr).toContain("until");
});

describe("the launcher", () => {
  test("works through a symbolic link, from another directory", async () => {
    const link = join(directory, "goose");
    symlinkSync(LAUNCHER, link);
    expect(await skein(["version"], { launcher: link })).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^skein \d/),
    });
  });

  test("has Node keep the compiled code: most of a command's start is compiling", async () => {
    const kept = join(ROOT, ".skein", "compile-cache");
    rmSync(kept, { recursive: true, force: true });
    await skein(["version"], { env: { NODE_COMPILE_CACHE: undefined } });
    expect(readdirSync(kept, { recursive: true }).length).toBeGreaterThan(10);
  });

  test("completes in bash", async () => {
    const script = `source <(${LAUNCHER} completion bash)
      COMP_WORDS=(${LAUNCHER} node ''); COMP_CWORD=2; _skein; echo "\${COMPREPLY[@]}"`;
    const child = spawn("bash", ["-c", script], { stdio: ["ignore", "pipe", "inherit"] });
    expect(await text(child.stdout)).toBe("ls describe cordon uncordon label rm\n");
    const unknown = await skein(["completion", "tcsh"]);
    expect(unknown).toMatchObject({ code: 2, stderr: expect.stringContaining("bash, zsh, fish, not tcsh") });
  });

  test("shows the commands of a group", async () => {
    const { code, stdout } = await skein(["node", "--help"]);
    expect([code, stdout]).toEqual([0, expect.stringMatching(/^ {2}node ls +list nodes$/m)]);
    expect(stdout).not.toContain("token create");
  });

  test.each([[["nope"]], [["node"]], [["run", "--nope"]], [["run"]], [[]]])(
    "%j is wrong usage: exit code 2",
    async (args) => {
      expect(await skein(args)).toMatchObject({
        code: 2,
        stdout: "",
        stderr: expect.stringMatching(/usage|--help/),
      });
    },
  );

  test("says how to start an API if none answers", async () => {
    const { code, stderr } = await skein(["ps"], { env: { SKEIN_API: "http://127.0.0.1:3" } });
    expect([code, stderr]).toEqual([
      1,
      expect.stringContaining("no answer from the API at http://127.0.0.1:3 (ECONNREFUSED)"),
    ]);
  });
});

// Last, because it ends the server that the others use.
test("skein serve killed by SIGKILL leaves no workerd behind, and the next one uses its data", async () => {
  const before = await skein(["ps", "-a", "--json"]);
  await end("SIGKILL");
  const again = await serve();
  server = again.child;
  url = again.line.split(" ").at(-1)!;
  expect((await skein(["ps", "-a", "--json"])).stdout).toBe(before.stdout);
  expect(await end("SIGTERM")).toBe(0);
});
