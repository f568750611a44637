/** `skein serve` with 1,000 descriptors when many more agents dial than fit, and then 400 clients that say nothing. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import type { SessionView } from "../shared/session/session-schemas.ts";
import { eachAtOnce } from "./support/at-once.ts";
import { NodeSocket, TestNode } from "./support/node.ts";
import { ServeProcess } from "./support/serve-process.ts";
import { apiClient } from "./support/server.ts";
import { dialSilently } from "./support/silent-clients.ts";
import { newTally, SteadfastAgent } from "./support/steadfast-agent.ts";

/** Twice what fits; `SKEIN_TEST_AGENTS=2000` for more. */
const AGENTS = Number(process.env["SKEIN_TEST_AGENTS"] ?? 600);
const FIT = 285;
const REFUSED = "Unexpected server response: 503";
const WITHIN = { timeout: 30_000 + 20 * AGENTS, interval: 50 };

test.skipIf(process.platform !== "linux")(
  `of ${AGENTS} agents that dial, as many as fit are let in, and a session of theirs outlives workerd`,
  async () => {
    const directory = mkdtempSync(join(tmpdir(), "skein-api-"));
    const data = join(directory, "data");
    const serve = await ServeProcess.start({ data, nofile: "1000" });
    const agents: SteadfastAgent[] = [];
    onTestFinished(async () => {
      for (const agent of agents) agent.leave();
      await serve.end("SIGKILL");
      rmSync(directory, { recursive: true });
    });
    const token = readFileSync(join(data, "admin-token"), "utf8").trim();
    const api = apiClient({ url: serve.url, token });
    const nodes: TestNode[] = [];
    await eachAtOnce(Array(AGENTS).keys(), 32, async (number) => {
      nodes.push(await TestNode.join(api, `n${number}`));
    });
    const [chosen, others] = [newTally(), newTally()];
    const start = (from: number, to: number, tally: typeof chosen) =>
      Promise.all(
        nodes.slice(from, to).map((node) => {
          const agent = new SteadfastAgent(node, tally);
          agents.push(agent);
          return agent.start();
        }),
      );

    await start(0, 3, chosen);
    const body = { image: "debian:12", clusterMode: "multi-node", clusterSize: 3 };
    const made = (await (await api.call("POST", "/v1/sessions?wait=30", body)).json()) as SessionView;
    expect(made.status).toBe("running");
    const session = async () => (await api.call("GET", `/v1/sessions/${made.id}`)).json();

    // All at once: that alone may be more than workerd survives.
    await start(3, AGENTS, others);
    const settled = () =>
      vi.waitFor(() => {
        expect(chosen.up.size).toBe(3);
        expect(others.up.size).toSatisfy((count: number) => count >= FIT - 3 && count <= FIT);
      }, WITHIN);
    await settled();
    // The crowd goes on dialling, and may yet be more than workerd survives: then there is no answer, and all come again.
    await vi.waitFor(async () => {
      const refused = await NodeSocket.dial(api, nodes.at(-1)!.id);
      refused.cut();
      await refused.closed;
      expect([refused.refused, refused.afterMs, refused.failure]).toEqual([503, 30_000, REFUSED]);
    }, WITHIN);
    expect(await vi.waitFor(session, WITHIN)).toEqual(made);
    await settled();

    // workerd ends where it cannot accept a connection, and lives where it fails to copy the descriptor after that. Here it ends either way.
    const before = serve.workerd!;
    const silent = await dialSilently(serve.url, 400);
    if (serve.workerd === before) process.kill(before, "SIGKILL");
    await serve.back(before, WITHIN.timeout);
    await settled();
    expect(await session()).toEqual(made);
    for (const socket of silent) socket.destroy();
    expect((await fetch(`${serve.url}/healthz`)).status).toBe(200);
    expect(others.failed[REFUSED]).toBeGreaterThan(0);
    expect(await serve.end()).toBe(0);
  },
  60_000 + 2 * WITHIN.timeout,
);
