/** Without processes: servers that end when the test says so. */
import { describe, expect, test } from "vitest";
import type { Server } from "./server.ts";
import { supervise } from "./supervise.ts";

/** The servers that `supervise` starts, and a record of its calls. `start` fails with the next of `failures`, if any. */
class Stage {
  readonly said: string[] = [];
  readonly ports: number[] = [];
  readonly failures: string[] = [];
  readonly stopped: number[] = [];
  time = 0;
  #end: ((how: string) => void)[] = [];

  /** `before` runs in the middle of each start. */
  supervise(port = 0, before = (_nth: number): void => {}): Promise<Server> {
    return supervise({
      port,
      say: (line) => this.said.push(line),
      now: () => this.time,
      wait: async () => {},
      start: async (asked) => {
        const nth = this.ports.push(asked);
        before(nth);
        const failure = this.failures.shift();
        if (failure !== undefined) throw new Error(failure);
        return this.#server(nth, asked || 4242);
      },
    });
  }

  /** Ends the server that was started last, `servedMs` after its start. Resolves once `supervise` has reacted. */
  async end(how: string, servedMs = 10_000): Promise<void> {
    this.time += servedMs;
    this.#end.at(-1)!(how);
    await new Promise(setImmediate);
  }

  #server(nth: number, port: number): Server {
    const { promise, resolve } = Promise.withResolvers<string>();
    this.#end.push(resolve);
    const stop = async () => {
      this.stopped.push(nth);
      resolve("workerd ended with exit code 0");
    };
    return { url: `http://127.0.0.1:${port}`, token: "ska_x", pid: 100 + nth, ended: promise, stop };
  }
}

describe("a supervised server", () => {
  test("is started again on the port that it got, and reports why in one line", async () => {
    const stage = new Stage();
    const server = await stage.supervise(0);
    await stage.end("workerd ended with SIGKILL");
    await stage.end("workerd ended with SIGSEGV");
    expect(stage.ports).toEqual([0, 4242, 4242]);
    expect(stage.said).toEqual([
      "workerd ended with SIGKILL; starting it again",
      "workerd ended with SIGSEGV; starting it again",
    ]);
    expect([server.url, server.pid]).toEqual(["http://127.0.0.1:4242", 103]);
  });

  test("keeps to port 80, which a URL leaves out", async () => {
    const stage = new Stage();
    await stage.supervise(80);
    await stage.end("workerd ended with SIGKILL");
    expect(stage.ports).toEqual([80, 80]);
  });

  test("that fails at its first start is not tried again", async () => {
    const stage = new Stage();
    stage.failures.push("127.0.0.1:80 is in use");
    await expect(stage.supervise(80)).rejects.toThrow("127.0.0.1:80 is in use");
    expect(stage.ports).toEqual([80]);
  });

  test("that cannot be started again ends with the reason, after five tries", async () => {
    const stage = new Stage();
    const server = await stage.supervise(80);
    stage.failures.push(...Array(5).fill("another skein serve uses the data in /data"));
    await stage.end("workerd ended with SIGKILL");
    expect(await server.ended).toContain("another skein serve uses the data in /data");
    expect(stage.ports).toHaveLength(6);
  });

  test("that is stopped is not started again", async () => {
    const stage = new Stage();
    const server = await stage.supervise();
    await server.stop();
    expect(await server.ended).toBe("workerd ended with exit code 0");
    expect([stage.ports, stage.stopped, stage.said]).toEqual([[0], [1], []]);
  });

  test("that is stopped during a restart stops the new server", async () => {
    const stage = new Stage();
    let stopped: Promise<void> | undefined;
    const server = await stage.supervise(0, (nth) => {
      if (nth === 2) stopped = server.stop();
    });
    await stage.end("workerd ended with SIGKILL");
    await stopped;
    expect(await server.ended).toBe("workerd ended with exit code 0");
    expect([stage.ports, stage.stopped]).toEqual([
      [0, 4242],
      [1, 2],
    ]);
  });
});

test("a supervised server that is stopped during a pause starts nothing more", async () => {
  const { promise: ended, resolve: end } = Promise.withResolvers<string>();
  const { promise: waiting, resolve: waits } = Promise.withResolvers<void>();
  let starts = 0;
  const server = await supervise({
    port: 80,
    say: () => {},
    wait: (_ms, signal) => {
      waits();
      return new Promise((_, reject) => signal.addEventListener("abort", reject));
    },
    async start() {
      starts += 1;
      return { url: "http://127.0.0.1", token: "ska_x", pid: 1, ended, stop: async () => {} };
    },
  });
  end("workerd ended with SIGKILL");
  await waiting;
  await server.stop();
  expect(starts).toBe(1);
});
