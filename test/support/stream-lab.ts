/** Streams into the containers of a kit's session, without a tunnel and without an agent around. */
import { readdir } from "node:fs/promises";
import { expect, vi } from "vitest";
import { serveHttp } from "../../agent/apps/serve-http.ts";
import { connectDocker } from "../../agent/docker/engine/dockerode.ts";
import type { DockerPort } from "../../agent/docker/port.ts";
import { serveExec } from "../../agent/exec/serve-exec.ts";
import { serveFiles } from "../../agent/files/serve-files.ts";
import { Forwarders } from "../../agent/ports/forwarders.ts";
import { servePort } from "../../agent/ports/serve-port.ts";
import type { Enterable, Find } from "../../agent/streams/enterable.ts";
import { serveBy } from "../../agent/streams/serve-streams.ts";
import type { Serve } from "../../agent/streams/stream.ts";
import { MemoryStream } from "../../agent/testing/memory-stream.ts";
import { ExecStart, type Open } from "../../shared/streams/stream-messages.ts";
import type { KitLab } from "./kit-lab.ts";
import { KitSession, type Wanted } from "./kit-session.ts";

export class StreamLab implements AsyncDisposable {
  readonly session: KitSession;
  readonly forwarders: Forwarders;
  readonly #serve: Serve<Open>;
  /** Hosts that count as not running yet. */
  readonly waiting = new Set<string>();

  private constructor(session: KitSession, docker: DockerPort) {
    this.session = session;
    this.forwarders = new Forwarders(docker, 100);
    const find: Find = (host) => this.enterable(host);
    this.#serve = serveBy({
      exec: serveExec(docker, find),
      port: servePort(this.forwarders, find),
      files: serveFiles(docker, find),
      logs: async () => {},
      http: serveHttp(this.forwarders, find),
    });
  }

  /** Its gates are open. */
  static async start(here: KitLab, wanted: Wanted[]): Promise<StreamLab> {
    const session = await KitSession.start(here, wanted);
    await session.openGates();
    return new StreamLab(session, await connectDocker(here.machine.dockerSocket));
  }

  enterable(host: string): Enterable | undefined {
    const made = this.session.made.find(({ peer }) => peer.host === host);
    if (!made) return undefined;
    const { container, selfDir, peer } = made;
    const running = !this.waiting.has(host);
    return {
      containerId: container.id,
      selfDir,
      address: peer.address,
      hostNetwork: false,
      running,
      leaving: false,
    };
  }

  exec(host: string, command: string[], more: Partial<ExecStart> = {}): MemoryStream {
    const start = ExecStart.parse({ type: "start", command, ...more });
    return MemoryStream.open(this.#serve, { type: "open", kind: "exec", window: 1, host, start });
  }

  port(host: string, port: number): MemoryStream {
    return MemoryStream.open(this.#serve, { type: "open", kind: "port", window: 1, host, port });
  }

  /** The processes in a container: their PIDs on this machine, and lines of state and arguments. */
  async processes(host: string): Promise<{ pid: string; line: string }[]> {
    const { Processes } = await this.session.of(host).container.top({ ps_args: "-eo pid,stat,args" });
    return Processes.map(([pid, ...rest]: string[]) => ({ pid, line: rest.join(" ") }));
  }

  /** Waits until nothing of any stream is left in the container: no process of these words, none of the kit's, no socket. */
  async untilClean(host: string, words = /$^/): Promise<void> {
    const kits = /kit\/(exec|keep|forward|dial|joined|bin\/s6)|<defunct>| Z /;
    await vi.waitFor(
      async () => {
        const lines = (await this.processes(host)).map(({ line }) => line);
        const left = lines.filter((line) => kits.test(line) || words.test(line));
        const sockets = (await readdir(this.session.of(host).selfDir)).filter((name) => name !== "gate");
        expect([...left, ...sockets]).toEqual([]);
      },
      { timeout: 20_000, interval: 50 },
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.session[Symbol.asyncDispose]();
  }
}

/** All that came of a stream, once it has ended. */
export async function ended(stream: MemoryStream) {
  const { code, reason } = await stream.ended;
  return { code, reason, said: stream.said.join(", "), stdout: stream.stdout, stderr: stream.stderr };
}

/** What {@link ended} has of a command with this exit code. */
export const done = (exit: number) => ({ code: "done", reason: "", said: `opened, end, exit ${exit}` });
