import { expect, test } from "vitest";
import { HostCommandError, hostRunner } from "./runner.ts";

const failure = (argv: string[], options?: Parameters<typeof hostRunner.run>[1]) =>
  hostRunner.run(argv, options).then(
    () => expect.unreachable(),
    (error: HostCommandError) => error,
  );

test("resolves to stdout, and passes arguments and input unchanged", async () => {
  expect(await hostRunner.run(["printf", "%s|", "a b", "$HOME;"])).toBe("a b|$HOME;|");
  expect(await hostRunner.run(["cat"], { input: "päth\n" })).toBe("päth\n");
});

test("passes only PATH of the agent's environment to the command", async () => {
  process.env["SKEIN_TEST_SECRET"] = "x";
  const names = (await hostRunner.run(["env"])).split("\n").map((line) => line.split("=")[0]);
  delete process.env["SKEIN_TEST_SECRET"];
  expect(names.filter((name) => name !== "")).toEqual(["PATH", "LC_ALL"]);
});

test("the error of a failed command has its arguments, its exit code and its output", async () => {
  const error = await failure(["ls", "/no/such"]);
  expect(error).toBeInstanceOf(HostCommandError);
  expect(error).toMatchObject({ argv: ["ls", "/no/such"], exitCode: 2 });
  expect(error.message).toMatch(/^ls \/no\/such exited with 2: .*No such file or directory/);
});

test("the error keeps the end of a long output, and nothing of the input", async () => {
  const error = await failure(["sh", "-c", "cat >/dev/null; seq 10000 >&2; exit 7"], { input: "a secret" });
  expect(error.exitCode).toBe(7);
  expect(error.stderr).toHaveLength(4096);
  expect(error.stderr.endsWith("10000\n")).toBe(true);
  expect(error.message).not.toContain("secret");
});

test("a command that hangs is killed", async () => {
  const error = await failure(["sleep", "60"], { timeoutMs: 50 });
  expect(error).toMatchObject({ exitCode: null, message: "sleep 60 took longer than 50 ms and was killed" });
});

test("a missing command is an error of the same class", async () => {
  expect(await failure(["skein-no-such-command"])).toMatchObject({
    exitCode: null,
    name: "HostCommandError",
  });
});

test("a command may ignore its input", async () => {
  expect(await hostRunner.run(["true"], { input: "x".repeat(1_000_000) })).toBe("");
});
