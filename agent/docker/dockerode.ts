/** The Docker port on a real engine, by dockerode. Written against Engine API 1.41 to 1.47. */
import http, { type IncomingMessage } from "node:http";
import https from "node:https";
import type { Duplex, Readable } from "node:stream";
import Docker from "dockerode";
import { registryOf } from "../../shared/request/registry.ts";
import { Outputs } from "./outputs.ts";
import type { CreateBody, DockerPort, EngineEvent, Image, Login } from "./port.ts";
import { DockerError } from "./port.ts";
import { followPull } from "./pull.ts";
import { payloads, Tail } from "./stream-frames.ts";

/** The newest API version that this code was written for. An older engine is asked in its own version. */
const NEWEST_KNOWN = "1.47";
/** From this version on the MAC address belongs to the endpoint (Engine API version history). */
const MAC_ON_ENDPOINT = "1.44";

/**
 * Engines end the input of a terminal at a sequence of keys, by default Ctrl-P Ctrl-Q, and hold back a first key of it. They cannot do
 * without one. Nobody types this one, and programs show nothing after Ctrl-@ alone.
 */
const DETACH_KEYS = "@^_@__^@^^_@_^".replace(/./g, ",ctrl-$&").slice(1);

const DEFAULT_SOCKET = "/var/run/docker.sock";

/** Where an engine listens: a socket's path, `unix://…`, `tcp://host:port` or `http(s)://host:port`. */
const givenEngine = () => process.env["DOCKER_HOST"] ?? DEFAULT_SOCKET;

/** Path of the engine's socket on this machine, where it has one. */
export function socketOf(where = givenEngine()): string | undefined {
  return addressOf(where).socketPath;
}

export async function connectDocker(where = givenEngine()): Promise<DockerPort> {
  const address = addressOf(where);
  const { ApiVersion } = await answer(new Docker(address).version()).catch((error) => {
    throw new DockerError(`no Docker engine answers at ${where} (${error.message})`);
  });
  const version = olderOf(ApiVersion, NEWEST_KNOWN);
  const client = { ...address, version: `v${version}` };
  return portOf(
    new Docker(client),
    // docker-modem has this option, but its types do not.
    new Docker({ ...client, ...({ agent: withoutKeepAlive(address) } as object) }),
    olderOf(version, MAC_ON_ENDPOINT) === MAC_ON_ENDPOINT ? "endpoint" : "container",
  );
}

function withoutKeepAlive({ protocol }: Docker.DockerOptions): http.Agent {
  return new (protocol === "https" ? https : http).Agent({ keepAlive: false });
}

/** Without `host: undefined` and `port: undefined` docker-modem would read DOCKER_HOST. */
function addressOf(where: string): Docker.DockerOptions {
  if (/^(tcp|https?):\/\//.test(where)) {
    const { protocol, hostname, port } = new URL(where.replace(/^tcp:/, "http:"));
    const scheme = protocol === "https:" ? "https" : "http";
    return { protocol: scheme, host: hostname, port: port || (scheme === "https" ? 2376 : 2375) };
  }
  return {
    socketPath: where.replace(/^unix:\/\//, ""),
    protocol: "http",
    ...({ host: undefined, port: undefined } as object),
  };
}

/** The older of two versions like `1.44`. */
function olderOf(a: string, b: string): string {
  return a.localeCompare(b, "en", { numeric: true }) < 0 ? a : b;
}

/** Turns the errors of docker-modem into a DockerError with the engine's own message. */
async function answer<T>(asked: Promise<T>): Promise<T> {
  try {
    return await asked;
  } catch (error) {
    const { statusCode, json, message } = error as {
      statusCode?: number;
      json?: { message?: string };
      message: string;
    };
    // When a stream was requested, docker-modem leaves the body unread and puts a prefix of its own before the engine's message.
    const words = json?.message ?? message.replace(/^\(HTTP code \d+\) .*? - /s, "");
    throw new DockerError(words.trim(), statusCode, { cause: error });
  }
}

/** Undefined where the engine answers with one of these statuses. */
async function unless<T>(statuses: number[], asked: Promise<T>): Promise<T | undefined> {
  try {
    return await answer(asked);
  } catch (error) {
    if (error instanceof DockerError && statuses.includes(error.status ?? 0)) return undefined;
    throw error;
  }
}

/** By default docker-modem puts the whole body into the query too: a line that is too long, with variables in the engine's log. */
function inBody(body: CreateBody, query: Record<string, string> = {}): unknown {
  return { _query: query, _body: body };
}

/** As a header (X-Registry-Auth), not in the query, which engines log. */
function authOf(reference: string, login: Login | undefined): { authconfig?: Docker.AuthConfig } {
  return login ? { authconfig: { ...login, serveraddress: registryOf(reference) } } : {};
}

function labelFilter(labels: Record<string, string>): string[] {
  return Object.entries(labels).map(([name, value]) => `${name}=${value}`);
}

/**
 * `newcomer` opens a new connection for each request. An engine that is stopping refuses new connections but still serves open ones: it
 * would start a container, and then stop in the middle of it.
 */
function portOf(docker: Docker, newcomer: Docker, macOn: DockerPort["macOn"]): DockerPort {
  const outputs = new Outputs({
    root: async () => (await answer(docker.info())).DockerRootDir,
    isRunning: async (id) => (await unless([404], docker.getContainer(id).inspect()))?.State.Running ?? false,
    async follow(id, since, signal) {
      const query = {
        stdout: true,
        stderr: true,
        follow: true,
        timestamps: true,
        abortSignal: signal,
      } as const;
      // As text: a number cannot hold nanoseconds.
      const from = `${since / 1_000_000_000n}.${String(since % 1_000_000_000n).padStart(9, "0")}`;
      const stream = await answer(newcomer.getContainer(id).logs({ ...query, since: from as never }));
      return stream as unknown as Readable;
    },
  });
  return {
    macOn,

    async engine() {
      const info = await answer(docker.info());
      return {
        version: info.ServerVersion,
        os: info.OperatingSystem,
        kernel: info.KernelVersion,
        cpus: info.NCPU,
        memory: info.MemTotal,
        runtimes: Object.keys(info.Runtimes ?? {}),
        mapsUsers: ((info.SecurityOptions ?? []) as string[]).includes("name=userns"),
      };
    },

    async image(reference): Promise<Image | undefined> {
      const found = await unless([404], docker.getImage(reference).inspect());
      if (!found) return undefined;
      const entrypoint = found.Config.Entrypoint ?? [];
      return {
        id: found.Id,
        names: [...(found.RepoTags ?? []), ...(found.RepoDigests ?? [])],
        entrypoint: typeof entrypoint === "string" ? [entrypoint] : entrypoint,
        env: found.Config.Env ?? [],
        user: found.Config.User ?? "",
      };
    },

    async askRegistry(reference, login) {
      await answer(docker.getImage(reference).distribution(authOf(reference, login)));
    },

    async pull(reference, login, progress, signal) {
      const options = { abortSignal: signal, ...authOf(reference, login) };
      const stream = await answer(docker.pull(reference, options) as Promise<Readable>);
      await followPull(stream, progress, signal);
    },

    async networks() {
      const found = await answer(docker.listNetworks());
      return found.map(({ Id, Name, Labels, IPAM }) => ({
        id: Id,
        name: Name,
        labels: Labels ?? {},
        subnets: (IPAM?.Config ?? []).flatMap(({ Subnet }) => Subnet ?? []),
      }));
    },

    async createNetwork(body) {
      return (await answer(docker.createNetwork(inBody(body) as Docker.NetworkCreateOptions))).id;
    },

    async removeNetwork(idOrName) {
      const network = docker.getNetwork(idOrName);
      // 403: "has active endpoints".
      const isGone = async () => {
        try {
          await unless([404], network.remove());
          return true;
        } catch (error) {
          if (error instanceof DockerError && error.status === 403) return false;
          throw error;
        }
      };
      if (await isGone()) return true;
      // An engine that was stopped while it started a container keeps the endpoint of that container.
      const found = await unless([404], network.inspect());
      const endpoints: { Name: string }[] = Object.values(found?.Containers ?? {});
      for (const { Name } of endpoints)
        await unless([404], network.disconnect({ Container: Name, Force: true }));
      return await isGone();
    },

    async containers(labels) {
      const found = await answer(
        docker.listContainers({ all: true, filters: { label: labelFilter(labels) } }),
      );
      return found.map(({ Id, Labels, State }) => ({ id: Id, labels: Labels, running: State === "running" }));
    },

    async container(id) {
      const found = await unless([404], docker.getContainer(id).inspect());
      if (!found) return undefined;
      const { Running, Status, StartedAt, FinishedAt, ExitCode, OOMKilled, Error: error } = found.State;
      return {
        id: found.Id,
        labels: found.Config.Labels,
        status: Running ? "running" : Status === "created" ? "created" : "ended",
        startedAt: Date.parse(StartedAt),
        finishedAt: Date.parse(FinishedAt),
        exitCode: ExitCode,
        oomKilled: OOMKilled,
        error,
      };
    },

    async configOf(id) {
      const { User, WorkingDir } = (await answer(docker.getContainer(id).inspect())).Config;
      return { user: User, workdir: WorkingDir || "/" };
    },

    async createContainer(name, body) {
      return (await answer(docker.createContainer(inBody(body, { name }) as object))).id;
    },

    async start(id) {
      // 304: it is running already.
      await unless([304], newcomer.getContainer(id).start());
    },

    async stop(id, seconds) {
      await unless([304, 404], docker.getContainer(id).stop({ t: seconds }));
    },

    async kill(id) {
      // 409: it is not running.
      await unless([404, 409], docker.getContainer(id).kill());
    },

    async remove(id) {
      // 409: it is being removed.
      await unless([404, 409], docker.getContainer(id).remove({ force: true, v: true }));
    },

    async exec(id, argv, maxBytes, signal) {
      const made = await answer(
        docker.getContainer(id).exec({ Cmd: argv, AttachStdout: true, AttachStderr: true }),
      );
      const stream = (await answer(made.start({}))) as unknown as Readable;
      const abort = () => stream.destroy(signal.reason as Error);
      signal.addEventListener("abort", abort);
      try {
        signal.throwIfAborted();
        const tail = new Tail(maxBytes);
        for await (const payload of payloads(stream)) tail.add(payload);
        const { ExitCode } = await answer(made.inspect());
        return { exitCode: ExitCode ?? -1, output: tail.text() };
      } finally {
        signal.removeEventListener("abort", abort);
      }
    },

    async attach(id, { argv, tty, env, user, workdir }) {
      const made = await answer(
        docker.getContainer(id).exec({
          Cmd: argv,
          Tty: tty,
          DetachKeys: DETACH_KEYS,
          Env: env,
          AttachStdin: true,
          AttachStdout: true,
          AttachStderr: true,
          ...(user === undefined ? {} : { User: user }),
          ...(workdir === undefined ? {} : { WorkingDir: workdir }),
        }),
      );
      const socket: Duplex = await answer(made.start({ hijack: true, stdin: true, Tty: tty }));
      return {
        socket,
        async resize(cols, rows) {
          await answer(made.resize({ w: cols, h: rows }));
        },
        async inspect() {
          const found = await unless([404, 409], made.inspect());
          return found && { started: found.Pid > 0, running: found.Running, exitCode: found.ExitCode ?? 0 };
        },
      };
    },

    async launch(id, argv) {
      const made = await answer(docker.getContainer(id).exec({ Cmd: argv }));
      await answer(made.start({ Detach: true }));
    },

    async putArchive(id, path, tar) {
      await answer(docker.getContainer(id).putArchive(tar, { path }));
    },

    async unpack(id, path, tar, signal) {
      // An engine whose request is only left open would wait for the rest.
      const broken = new AbortController();
      let cause: Error | undefined;
      tar.once("error", (error) => {
        cause = error;
        broken.abort();
      });
      // As `docker cp` does: a file never takes the place of a directory.
      const query = { path, noOverwriteDirNonDir: "true" };
      const abortSignal = AbortSignal.any([signal, broken.signal]);
      try {
        await answer(docker.getContainer(id).putArchive(tar, { ...query, abortSignal } as typeof query));
      } catch (error) {
        throw cause ?? error;
      } finally {
        tar.destroy();
      }
    },

    async headArchive(id, path) {
      const head: IncomingMessage | undefined = await unless(
        [404],
        docker.getContainer(id).infoArchive({ path }),
      );
      // An answer that is not read to its end keeps its connection open, even without a body, and so keeps the process alive.
      head?.resume();
      const stat = head?.headers["x-docker-container-path-stat"];
      return stat === undefined ? undefined : JSON.parse(Buffer.from(String(stat), "base64").toString());
    },

    async getArchive(id, path) {
      return (await unless([404], docker.getContainer(id).getArchive({ path }))) as Readable | undefined;
    },

    output(id, options) {
      return outputs.read(id, options);
    },

    async outputTail(id, bytes) {
      // Docker counts lines, and each has at least one byte: as many lines as bytes are enough.
      const query = { stdout: true, stderr: true, follow: false, tail: bytes } as const;
      // 409: it is being removed.
      const output = await unless([404, 409], docker.getContainer(id).logs(query));
      const tail = new Tail(bytes);
      for await (const payload of payloads([output ?? Buffer.alloc(0)])) tail.add(payload);
      return tail.text();
    },

    async events(signal) {
      const filters = { type: ["container", "network"], event: ["die", "destroy", "create"] };
      const stream = (await answer(docker.getEvents({ filters, abortSignal: signal } as object))) as Readable;
      return eventsOf(stream, signal);
    },
  };
}

/** One JSON object per line; a line may come in pieces. */
async function* eventsOf(stream: Readable, signal: AbortSignal): AsyncGenerator<EngineEvent> {
  const abort = () => stream.destroy();
  signal.addEventListener("abort", abort);
  let rest = "";
  try {
    for await (const chunk of stream.setEncoding("utf8")) {
      const lines = (rest + chunk).split("\n");
      rest = lines.pop()!;
      for (const line of lines.filter((each) => each.trim() !== "")) {
        const { Type, Action, Actor } = JSON.parse(line);
        yield { type: Type, action: Action, id: Actor.ID, attributes: Actor.Attributes ?? {} };
      }
    }
  } catch {
    // A broken stream ends like a finished one: the reader subscribes again in both cases.
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
