/** How `skein serve` handles an end of workerd, and how its limit of open files limits agents. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { type ServeOptions, ServeProcess } from "./support/serve-process.ts";
import { dialSilently } from "./support/silent-clients.ts";

let directory: string;
let data: string;
let serve: ServeProcess;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "skein-api-"));
  data = join(directory, "data");
});
afterEach(async () => {
  await serve?.end("SIGKILL");
  rmSync(directory, { recursive: true });
});

async function start(options: Omit<ServeOptions, "data"> = {}): Promise<number> {
  serve = await ServeProcess.start({ data, ...options });
  return serve.workerd!;
}

/** The value of a setting that workerd was started with. */
function settingOf(pid: number, variable: string): string | undefined {
  return new RegExp(`(?:^|\0)${variable}=([^\0]*)`).exec(readFileSync(`/proc/${pid}/environ`, "utf8"))?.[1];
}

describe.skipIf(process.platform !== "linux")("skein serve with 1,000 descriptors", () => {
  test("gives workerd the hard limit, and admits as many agents as it has room for", async () => {
    const workerd = await start({ nofile: "500:1000" });
    expect(readFileSync(`/proc/${workerd}/limits`, "utf8")).toMatch(/^Max open files +1000 +1000 /m);
    expect(settingOf(workerd, "SKEIN_MAX_LINKS")).toBe("285");
    await serve.said("room for 285 agents (1,000 descriptors)\n");
  });

  test("admits as many as --set MAX_LINKS says", async () => {
    const workerd = await start({ nofile: "1000", flags: ["--set", "MAX_LINKS=7"] });
    expect(settingOf(workerd, "SKEIN_MAX_LINKS")).toBe("7");
    await serve.said("room for 285 agents (1,000 descriptors); MAX_LINKS allows 7\n");
  });

  /** A connection takes two. With one left workerd accepts a connection, and closes it; with none left it ends. */
  test("refuses connections or is back on the same port when none is left, with the same settings", async () => {
    const first = await start({ nofile: "1000", flags: ["--set", "MAX_BODY_BYTES=4096"] });
    const sockets = await dialSilently(serve.url, 500);
    const refused = () => serve.stderr.includes("dup(): Too many open files");
    const ended = () => serve.stderr.includes("workerd ended");
    // workerd ends a connection that says nothing after a while: on a busy machine it may do so before it has met all.
    const fill = async (enough: () => boolean) =>
      await vi.waitUntil(
        async () => {
          if (enough()) return true;
          sockets.push(...(await dialSilently(serve.url, 10)));
          return false;
        },
        { interval: 20 },
      );
    await fill(() => refused() || ended());
    if (!ended()) {
      // The one that is left decides, and what else workerd has open differs by machine: so take it.
      execFileSync("prlimit", ["--pid", String(first), "--nofile=999"]);
      await fill(ended);
    }
    await serve.said(
      "skein: workerd ended with exit code 1 (accept(): Too many open files); starting it again",
    );
    for (const socket of sockets) socket.destroy();
    await serve.back(first);
    expect(settingOf(serve.workerd!, "SKEIN_MAX_BODY_BYTES")).toBe("4096");
    expect(settingOf(serve.workerd!, "SKEIN_MAX_LINKS")).toBe("285");
    expect(await serve.end()).toBe(0);
    expect(serve.stdout).toBe(`skein api ready at ${serve.url}\n`);
  });
});

describe.skipIf(process.platform !== "linux")("skein serve whose workerd is killed", () => {
  test("is back with its data", async () => {
    const first = await start();
    expect((await serve.call("POST", "/v1/sessions", { image: "debian:12", name: "before" })).status).toBe(
      202,
    );
    process.kill(first, "SIGKILL");
    await serve.back(first);
    const { items } = (await (await serve.call("GET", "/v1/sessions")).json()) as {
      items: { name: string }[];
    };
    expect(items.map(({ name }) => name)).toEqual(["before"]);
    await serve.said("skein: workerd ended with SIGKILL; starting it again\n");
    expect(await serve.end()).toBe(0);
  });

  /** From now on no workerd can start: a file is in place of its database directory. */
  function spoilData(): void {
    renameSync(join(data, "objects"), join(data, "objects-before"));
    writeFileSync(join(data, "objects"), "");
  }

  test("gives up with the reason and exit code 1 if it cannot be restarted", async () => {
    const first = await start();
    spoilData();
    process.kill(first, "SIGKILL");
    expect(await serve.exited).toBe(1);
    expect(serve.stderr).toMatch(/^skein: EEXIST: .*objects'; it is start 5 in a row/m);
    expect(serve.stderr).toContain(`  the data in ${data} is kept: start skein serve again`);
  });

  test.each(["SIGTERM", "SIGINT", "SIGHUP"] as const)(
    "ends cleanly by %s before workerd is back",
    async (signal) => {
      const first = await start();
      spoilData();
      process.kill(first, "SIGKILL");
      await serve.said("EEXIST");
      expect(await serve.end(signal)).toBe(0);
    },
  );
});
