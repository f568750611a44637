/** A manual gate, and what `skein run` carries through it: files in before the first command, results out after the last. */
import { mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { SessionView } from "../../shared/session/session-schemas.ts";
import { skein, start } from "./cli.ts";
import { cluster, end, ended, get, request, sh } from "./skein.ts";

const FILES = 5000;
const FOUR = ["--image", "skein/debian:12", "--size", "4", "--mode", "multi-node"];

let scratch: string;
const here = (...parts: string[]) => join(scratch, ...parts);

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "skein-transfers-"));
  await mkdir(here("in", "sub"), { recursive: true });
  await Promise.all(
    Array.from({ length: FILES }, (_, i) => writeFile(here("in", "sub", `f${i}`), `file ${i}\n`)),
  );
  await symlink("sub/f1", here("in", "link"));
  await mkdir(here("few"));
  await Promise.all(["f1", "f2"].map((name) => writeFile(here("few", name), `${name}\n`)));
});

afterAll(() => rm(scratch, { recursive: true }));

test("5,000 files are in all 4 containers before the first line of a command, and results come back though it fails", async () => {
  const script =
    'echo "$BACKENDAI_CLUSTER_HOST $(ls data/in/sub | wc -l) $(cat data/in/link) $(cat f1)"; ' +
    "mkdir -p data/out/deep; cat data/in/sub/f4999 >data/out/deep/result; [ $BACKENDAI_CLUSTER_HOST != main1 ] || { sleep 3; exit 7; }; sleep 60";
  const before = performance.now();
  const { code, stdout, stderr } = await skein([
    ...["run", "--name", "carried", ...FOUR, "--workdir", "/work", "--user", "1000"],
    ...["--upload", `${here("in")}:data/in`, "--upload", here("few")],
    ...["--download", `data/out:${here("got")}`, "--download", `/work/data/out/deep/result:${here("got")}`],
    ...["--download", "/none", "--each", "--", "sh", "-c", script],
  ]);
  console.log(`uploaded, run and downloaded in ${Math.round(performance.now() - before)} ms`);
  expect([code, stderr]).toEqual([7, expect.stringContaining("not downloaded: /none: main1 has no /none")]);
  const lines = stdout.toString().trimEnd().split("\n").sort();
  expect(lines).toEqual(
    ["main1", "sub1 ", "sub2 ", "sub3 "].map((host) => `${host} | ${host.trim()} ${FILES} file 1 f1`),
  );
  expect(await readFile(here("got", "out", "deep", "result"), "utf8")).toBe("file 4999\n");
  expect(await readFile(here("got", "result"), "utf8")).toBe("file 4999\n");
  expect(await get("carried")).toMatchObject({ status: "failed", exitCode: 7 });
  const { leftovers } = await cluster();
  expect(await leftovers()).toEqual([]);
});

test("a session of files waits at its gate until it is told, over an API that restarts; its files are its user's", async () => {
  const file = here("session.yaml");
  await writeFile(
    here("session.yaml"),
    "image: skein/debian-user:12\nname: gated\ngate: manual\nworkdir: /srv/app\n",
  );
  const ran = await skein(["run", "-f", file, "--upload", here("few"), "--detach"]);
  expect([ran.code, ran.stderr]).toEqual([0, expect.stringContaining("skein start gated opens its gate")]);
  const waiting = await get("gated");
  expect(waiting).toMatchObject({ status: "starting", reason: "waits for start" });
  expect(await sh(waiting, "main1", "stat -c %U /srv/app/f1 && cat /srv/app/f1")).toBe("dev\nf1\n");
  const { api } = await cluster();
  await api.kill("SIGKILL");
  await api.start();
  expect((await skein(["cp", here("few", "f2"), "gated:/srv/app/more"])).code).toBe(0);
  expect((await skein(["start", "gated"])).code).toBe(0);
  const { code } = await skein(["wait", "gated", "--for", "running"]);
  expect(code).toBe(0);
  expect(await sh(waiting, "main1", "cat more")).toBe("f2\n");
  await end(waiting);
  const late = await request("POST", `/v1/sessions/${waiting.id}/start`);
  expect([late.status, (late.body as { code: string }).code]).toEqual([409, "not_running"]);
});

test("what cannot be uploaded ends the session, with the reason; nothing is made where the directory is missing", async () => {
  const none = await skein(["run", ...FOUR, "--upload", here("nowhere"), "--", "true"]);
  expect([none.code, none.stderr]).toEqual([1, expect.stringContaining("there is no")]);
  const refused = await skein([
    ...["run", "--name", "refused", "--image", "skein/debian:12"],
    ...["--upload", `${here("few")}:/etc/passwd`, "--", "true"],
  ]);
  expect([refused.code, refused.stderr]).toEqual([
    1,
    expect.stringContaining("/etc/passwd in main1 is no directory"),
  ]);
  expect(await get("refused")).toMatchObject({ status: "terminated" });
});

test("Ctrl-C during the command ends it without a download", async () => {
  const job = await start([
    ...["run", "--name", "left", "--image", "skein/debian:12", "--download", `/etc/hostname:${here("left")}`],
    ...["--", "sh", "-c", "echo ready; exec sleep 1000"],
  ]);
  await expect.poll(() => job.stdout().toString(), { timeout: 60_000 }).toBe("ready\n");
  job.signal("SIGINT");
  expect((await job.ended).code).toBe(130);
  expect(await stat(here("left")).catch(() => undefined)).toBeUndefined();
});

test("results stay for a while where nobody fetches them: they can be copied, until the session is ended", async () => {
  const body = {
    name: "held",
    image: "skein/debian:12",
    command: ["sh", "-c", "echo 42 >/answer"],
    holdAtEnd: 600,
  };
  const { id } = (await request<SessionView>("POST", "/v1/sessions", body)).body;
  await expect.poll(async () => (await get(id)).status, { timeout: 60_000 }).toBe("terminating");
  expect((await get(id)).reason).toContain("its containers stay for a while");
  expect((await skein(["cp", "held:/answer", here("answer")])).code).toBe(0);
  expect(await readFile(here("answer"), "utf8")).toBe("42\n");
  expect((await skein(["rm", "held"])).code).toBe(0);
  expect(await ended(id)).toMatchObject({ status: "terminated", exitCode: 0 });
});
