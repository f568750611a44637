/** The agent as its own process on a lab host, which tests start, kill and restart. Run as a program, this file is that process. */
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { type AgentOptions, runAgent } from "../../agent/index.ts";
import { NOTHING_ALLOWED } from "../../shared/request/allowed.ts";
import type { LabHost } from "../lab/host.ts";

const KIT_ROOT = join(import.meta.dirname, "../../.skein/kit");

export class AgentProcess {
  readonly host: LabHost;
  readonly options: AgentOptions;
  /** The program of the next start: this file, or that of another build. */
  program = import.meta.filename;
  /** Before the program in its command line: what runs it. */
  before: string[] = [];
  /** All its output, over all its starts. */
  log = "";
  readonly #env: NodeJS.ProcessEnv;
  #child: ChildProcess | undefined;
  #exited: Promise<number | null> = Promise.resolve(null);

  constructor(host: LabHost, api: string, over: Partial<AgentOptions> = {}, env: NodeJS.ProcessEnv = {}) {
    this.host = host;
    this.#env = env;
    this.options = {
      api,
      joinToken: "skj_test",
      name: host.name,
      stateDir: join(host.dir, "agent"),
      docker: host.dockerSocket,
      address: host.address,
      labels: {},
      allowed: NOTHING_ALLOWED,
      kitRoot: KIT_ROOT,
      ...over,
    };
  }

  get stateDir(): string {
    return this.options.stateDir;
  }

  /** Exit code of the current run, once it ends. */
  get exited(): Promise<number | null> {
    return this.#exited;
  }

  start(): this {
    const child = this.host.spawn(
      [...this.before, process.execPath, this.program, JSON.stringify(this.options)],
      {
        env: this.#env,
      },
    );
    for (const stream of [child.stdout!, child.stderr!]) {
      stream.on("data", (chunk) => {
        this.log += chunk;
      });
    }
    this.#child = child;
    this.#exited = once(child, "close").then(([code]) => code);
    return this;
  }

  async kill(signal: NodeJS.Signals): Promise<number | null> {
    this.#child?.kill(signal);
    return await this.#exited;
  }
}

if (import.meta.main) process.exit(await runAgent(JSON.parse(process.argv[2]!)));
