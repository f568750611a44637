/** `skein exec` between pipes: streams, signals and the exit code are the command's own. */
import { createHash, randomBytes } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { SessionView } from "../../shared/session/session-schemas.ts";
import { skein, start } from "./cli.ts";
import { end, running, sh } from "./skein.ts";

let session: SessionView;
beforeAll(async () => {
  session = await running({ image: "skein/debian:12", clusterSize: 2, clusterMode: "multi-node" });
});
afterAll(() => end(session));

const sha256 = (bytes: Buffer) => createHash("sha256").update(bytes).digest("hex");

test("exits with the command's code, in the container that was named", async () => {
  const { code, stdout, stderr } = await skein([
    "exec",
    session.id,
    "sub1",
    "--",
    "sh",
    "-c",
    "hostname; exit 7",
  ]);
  expect([stdout.toString(), stderr, code]).toEqual(["sub1\n", "", 7]);
});

test("ends with its input", async () => {
  const { code, stdout } = await skein(["exec", session.id, "--", "cat"], "x\n");
  expect([stdout.toString(), code]).toEqual(["x\n", 0]);
});

test("passes any bytes both ways at once: 20 MB", async () => {
  const bytes = randomBytes(20 * 1024 * 1024);
  const { code, stdout, stderr } = await skein(
    ["exec", session.id, "--", "sh", "-c", "{ tee /dev/fd/3 | sha256sum >&2; } 3>&1"],
    bytes,
  );
  expect([code, stdout.length]).toEqual([0, bytes.length]);
  expect(sha256(stdout)).toBe(sha256(bytes));
  expect(stderr).toBe(`${sha256(bytes)}  -\n`);
});

test("Ctrl-C goes to the command, which decides", async () => {
  const script = "trap 'echo caught; exit 9' INT; echo up; while :; do sleep 0.1; done";
  const exec = await start(["exec", session.id, "--", "sh", "-c", script]);
  await expect.poll(() => exec.stdout().toString(), { timeout: 20_000 }).toBe("up\n");
  exec.signal("SIGINT");
  const { code, stdout } = await exec.ended;
  expect([stdout.toString(), code]).toEqual(["up\ncaught\n", 9]);
});

test("a second Ctrl-C leaves it, and the command is ended", async () => {
  const script = "trap 'echo no' INT; echo up; while :; do sleep 0.1; done";
  const exec = await start(["exec", session.id, "--", "sh", "-c", script]);
  const prints = (text: string) =>
    expect.poll(() => exec.stdout().toString(), { timeout: 20_000 }).toBe(text);
  await prints("up\n");
  exec.signal("SIGINT");
  await prints("up\nno\n");
  exec.signal("SIGINT");
  expect((await exec.ended).code).toBe(130);
  const sleeps = () => sh(session, "main1", "cat /proc/[0-9]*/comm | grep -cx sleep || true");
  await expect.poll(sleeps, { timeout: 20_000 }).toBe("0\n");
});

test("says why it cannot run, with exit code 1 or as a shell does", async () => {
  const [nowhere, unknown, missing] = await Promise.all([
    skein(["exec", session.id, "sub9", "--", "true"]),
    skein(["exec", "no-such-session", "--", "true"]),
    skein(["exec", session.id, "--", "/no/such"]),
  ]);
  expect([nowhere.code, unknown.code]).toEqual([1, 1]);
  expect(nowhere.stderr).toContain("sub9");
  expect(unknown.stderr).toContain("no-such-session");
  expect(missing.code).toBeGreaterThan(0);
  expect(missing.stderr).toContain("/no/such");
});
