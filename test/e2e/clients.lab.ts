/** Programs as the documents print them, and the client for Python, on real containers. */
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { beforeAll, expect, test } from "vitest";
import { printedIn } from "../support/readme.ts";
import { sdkProject } from "../support/sdk-project.ts";
import { cluster, end, running } from "./skein.ts";

const PYTHON = join(import.meta.dirname, "../../sdk/python");
const run = promisify(execFile);

async function environment(): Promise<Record<string, string>> {
  const { api } = await cluster();
  return { SKEIN_API: api.url, SKEIN_TOKEN: api.token };
}

/** Runs a program with the machine's Python and the client; resolves to its stdout. */
async function python(program: string, variables: Record<string, string> = {}): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), "skein-python-"));
  try {
    writeFileSync(join(directory, "program.py"), program);
    const env = { ...process.env, ...(await environment()), ...variables };
    const own = { PYTHONPATH: PYTHON, PYTHONDONTWRITEBYTECODE: "1" };
    const { stdout } = await run("python3", [join(directory, "program.py")], { env: { ...env, ...own } });
    return stdout;
  } finally {
    rmSync(directory, { recursive: true });
  }
}

beforeAll(async () => {
  // The documents name an image that everybody has. Here it is the lab's own Debian.
  const { lab } = await cluster();
  await Promise.all(
    lab.hosts.map(({ docker }) => docker.getImage("skein/debian:12").tag({ repo: "debian", tag: "12" })),
  );
});

test("the program of README.md runs as printed, with the SDK's package", async () => {
  const project = await sdkProject();
  try {
    project.write("program.ts", printedIn("README.md", "ts"));
    const printed = (await project.node("program.ts", await environment())).trim().split("\n");
    const hosts = ["main1", "sub1", "sub2", "sub3"];
    expect(printed.slice(0, 4).map((line) => /^(\w+) runs on node\d at 10\.[\d.]+$/.exec(line)?.[1])).toEqual(
      hosts,
    );
    expect(printed.slice(4)).toEqual(["main1 reaches sub1"]);
  } finally {
    project.remove();
  }
});

test("the program of sdk/python/README.md runs as printed", async () => {
  const printed = (await python(printedIn("sdk/python/README.md", "python"))).trim().split("\n");
  expect(printed.slice(0, 2)).toEqual([
    expect.stringMatching(/^main1 runs on node\d$/),
    expect.stringMatching(/^sub1 runs on node\d$/),
  ]);
  expect(printed.slice(2, 4)).toEqual(["sub1", ""]);
  // Both containers' lines are merged by time.
  for (const host of ["main1", "sub1"]) {
    const lines = printed.slice(4).filter((line) => line.startsWith(`${host} `));
    expect(lines).toEqual(["1", "2", "3"].map((line) => `${host} ${line}`));
  }
});

/** Streams in earnest: more than a window each way, signals, a terminal, a port, output that is followed. */
const STREAMS = `
import hashlib, os, threading, time
from skein import Skein, ApiProblem, StreamBroken

skein = Skein(os.environ["SKEIN_API"], os.environ["SKEIN_TOKEN"])
s = os.environ["SESSION"]

data = os.urandom(6 * 1024 * 1024 + 17)
echoed = skein.run(s, ["cat"], input=data)
assert (echoed.exit_code, echoed.stderr) == (0, b""), echoed.stderr
assert hashlib.sha256(echoed.stdout).digest() == hashlib.sha256(data).digest()

ran = skein.run(s, ["sh", "-c", "echo out; echo err >&2; echo $A; id -u; pwd; exit 7"], host="sub1", env={"A": "ü"}, user="1000", workdir="/tmp")
assert (ran.exit_code, ran.stdout, ran.stderr) == (7, "out\\nü\\n1000\\n/tmp\\n".encode(), b"err\\n"), ran

with skein.exec(s, ["sleep", "600"]) as stream:
    time.sleep(0.5)
    stream.signal("TERM")
    result = stream.result(timeout=20)
assert (result.code, result.exit_code) == ("done", 143), result

resized = "trap 'stty size; exit' WINCH; stty size; while :; do sleep 0.1; done"
with skein.exec(s, ["sh", "-c", resized], tty=(90, 20)) as stream:
    screen = b""
    for _, piece in stream.output():
        screen += piece
        if screen == b"20 90\\r\\n":
            stream.resize(100, 30)
assert screen.endswith(b"30 100\\r\\n"), screen

assert skein.run(s, ["/no/such/program"]).exit_code == 127
try:
    skein.run(s, ["true"], user="nobody-of-that-name")
    assert False, "ran"
except StreamBroken as error:
    assert error.code == "cannot_run", error.code

with skein.connect(s, 22, host="sub1") as stream:
    _, greeting = next(stream.output())
assert greeting.startswith(b"SSH-2.0-"), greeting
with skein.connect(s, 9) as stream:
    assert stream.result(timeout=20).code == "refused"
try:
    skein.connect(s, 22, host="sub9")
    assert False, "connected"
except ApiProblem as error:
    assert error.code == "not_found", error.code

# A reader that is slow stops the command; nothing is lost.
with skein.exec(s, ["seq", "1000000"]) as stream:
    time.sleep(1)
    text = b"".join(piece for _, piece in stream.output())
assert text.split() == [str(n).encode() for n in range(1, 1000001)]

threading.Timer(1, lambda: skein.end_session(s)).start()
followed = [line for line in skein.logs(s, host="main1", follow=True) if line["stream"] == "stdout"]
numbers = [int(line["text"]) for line in followed]
assert len(numbers) > 10 and numbers == list(range(1, len(numbers) + 1)), numbers[:5]
print(skein.wait(s, "ended", timeout=60)["status"])
`;

/** Files in before the start, and out again: modes, links, long names; what a container may not do here. */
const FILES = `
import os, tarfile, tempfile
from skein import Skein, ApiProblem

skein = Skein(os.environ["SKEIN_API"], os.environ["SKEIN_TOKEN"])
made = skein.create_session({"image": "debian:12", "clusterSize": 2, "gate": "manual", "workdir": "/work"})
s = skein.wait(made["id"], "ready", timeout=60)["id"]
with tempfile.TemporaryDirectory() as here:
    source = os.path.join(here, "in")
    os.makedirs(os.path.join(source, "deep", "é" * 60))
    with open(os.path.join(source, "deep", "é" * 60, "large"), "wb") as file:
        file.write(os.urandom(5_000_000))
    with open(os.path.join(source, "tool"), "w") as file:
        file.write("#!/bin/sh\\necho it runs\\n")
    os.chmod(os.path.join(source, "tool"), 0o755)
    os.symlink("tool", os.path.join(source, "link"))
    skein.upload(s, source, "data/x")
    assert skein.start(s)["status"] == "starting"
    skein.wait(s, "running", timeout=60)
    for host in ("main1", "sub1"):
        assert skein.run(s, ["data/x/link"], host=host).stdout == b"it runs\\n"
    skein.download(s, "data/x", os.path.join(here, "out"))
    for name in ("tool", os.path.join("deep", "é" * 60, "large")):
        with open(os.path.join(source, name), "rb") as one, open(os.path.join(here, "out", "x", name), "rb") as other:
            assert one.read() == other.read(), name
    assert os.readlink(os.path.join(here, "out", "x", "link")) == "tool"
    skein.run(s, ["sh", "-c", "mkdir /bad && ln -s /etc/passwd /bad/out"])
    try:
        skein.download(s, "/bad", os.path.join(here, "out"))
        assert False, "unpacked"
    except tarfile.TarError:
        pass
    try:
        skein.download(s, "/none", here)
        assert False, "found"
    except ApiProblem as error:
        assert error.code == "not_found", error.code
skein.end_session(s)
print(skein.wait(s, "ended", timeout=60)["status"])
`;

test("the client for Python puts files in before the start, and brings files out", async () => {
  expect(await python(FILES)).toBe("terminated\n");
});

test("the client for Python carries streams both ways, and follows output to the session's end", async () => {
  const session = await running({
    image: "debian:12",
    clusterSize: 2,
    command: ["sh", "-c", "n=0; while :; do n=$((n+1)); echo $n; sleep 0.05; done"],
  });
  try {
    expect(await python(STREAMS, { SESSION: session.id })).toBe("terminated\n");
  } finally {
    await end(session);
  }
});
