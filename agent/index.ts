/** The node agent: joins a fleet, keeps the link, and carries out the API's assignments. Containers keep running without it. */
import { mkdir } from "node:fs/promises";
import { hostname } from "node:os";
import { join, resolve } from "node:path";
import type { Allowed } from "../shared/node/node-schemas.ts";
import { serveHttp } from "./apps/serve-http.ts";
import { connectDocker } from "./docker/engine/dockerode.ts";
import { socketOf } from "./docker/engine/engine-address.ts";
import { Images } from "./docker/images.ts";
import { PrivateImages } from "./docker/private-images.ts";
import { watchEngine } from "./docker/watch.ts";
import { serveExec } from "./exec/serve-exec.ts";
import { serveFiles } from "./files/serve-files.ts";
import { hostRunner } from "./host/runner.ts";
import { currentKit } from "./kit/build.ts";
import { kitSysctls } from "./kit/layout.ts";
import { Link } from "./link/link.ts";
import { Rotation } from "./link/rotation.ts";
import { type Log, makeLog } from "./log.ts";
import { NodeLogs } from "./logs/node-logs.ts";
import { serveLogs } from "./logs/serve-logs.ts";
import { NodeAddresses } from "./network/node-addresses.ts";
import { checkAllowed } from "./node/check-allowed.ts";
import { engineUlimits } from "./node/engine-ulimits.ts";
import { addressOf, type Measured, measure, type Overrides } from "./node/facts.ts";
import { FactsReporter } from "./node/facts-reporter.ts";
import { findGpus, hasGpuRuntime } from "./node/gpus.ts";
import { type Joined, loadJoined, saveJoined } from "./node/identity.ts";
import { joinFleet } from "./node/join.ts";
import { NodeKeys } from "./node/node-keys.ts";
import { openState } from "./node/state-dir.ts";
import { Forwarders } from "./ports/forwarders.ts";
import { servePort } from "./ports/serve-port.ts";
import { AssignmentStore } from "./session/assignment-store.ts";
import { engineParallelism, limiter } from "./session/concurrency.ts";
import { Guard } from "./session/guard.ts";
import { Sessions } from "./session/node-sessions.ts";
import { Surveys } from "./session/surveys.ts";
import { serveBy } from "./streams/serve-streams.ts";
import { Tunnels } from "./streams/tunnels.ts";

/** The options of `skein agent`. `cpu` in cores, `memory` in bytes. */
export interface AgentOptions extends Overrides {
  /** The API's URL. */
  api: string;
  /** Needed to join; ignored once the node has joined. */
  joinToken?: string;
  /** The node's name, a DNS label. Made from the machine's name by default. */
  name?: string;
  stateDir: string;
  /** Path of the engine's socket, or the engine's URL. */
  docker?: string;
  labels: Record<string, string>;
  /** What containers may use of the node itself. */
  allowed: Allowed;
  /** Most bytes of output that the node keeps, of all containers together. */
  logSpace?: number;
  /** Replaces the node's key once the link is up. */
  rotateKey?: boolean;
  /** Where `skein setup` put the kit. */
  kitRoot: string;
}

const LOG_SPACE = 5 * 1024 ** 3;

/** Host programs that set up networks, and their Debian packages. */
const HOST_TOOLS = new Map([
  ["ip", "iproute2"],
  ["bridge", "iproute2"],
  ["nft", "nftables"],
]);

async function needTool(tool: string, from: string): Promise<void> {
  await hostRunner.run([tool, "-V"]).catch((error: Error) => {
    throw new Error(`${error.message}. The agent needs it: install the package ${from}`);
  });
}

/** Runs until SIGTERM or SIGINT (0), or until it cannot go on (1, with the reason on stderr). Containers keep running in both cases. */
export async function runAgent(options: AgentOptions): Promise<number> {
  const log = makeLog();
  const leaving = new AbortController();
  const leave = () => leaving.abort(new Error("the agent is leaving"));
  process.once("SIGTERM", leave).once("SIGINT", leave);
  try {
    const stopped = await run(options, log, leaving.signal);
    if (stopped === undefined) return 0;
    log.error(stopped);
    return 1;
  } catch (error) {
    if (leaving.signal.aborted) return 0;
    log.error((error as Error).message);
    log.debug({ err: error }, "where");
    return 1;
  } finally {
    leaving.abort();
    process.off("SIGTERM", leave).off("SIGINT", leave);
  }
}

/** Resolves with the reason when the API refuses the node for good, or with undefined after the signal. */
async function run(options: AgentOptions, log: Log, signal: AbortSignal): Promise<string | undefined> {
  const stateDir = resolve(options.stateDir);
  const state = await openState(stateDir);
  let logs: NodeLogs | undefined;
  try {
    const { allowed } = options;
    await checkAllowed(allowed, [stateDir, resolve(options.kitRoot), socketOf(options.docker) ?? stateDir]);
    const docker = await connectDocker(options.docker);
    await Promise.all([...HOST_TOOLS].map(([tool, from]) => needTool(tool, from)));
    const [engine, address, kit, ulimits] = await Promise.all([
      docker.engine(),
      addressOf(hostRunner, options.address),
      currentKit(resolve(options.kitRoot)),
      engineUlimits(),
    ]);
    const gpus = options.gpu === undefined ? await findGpus(hostRunner, engine, log) : [];
    const measured: Measured = {
      docker,
      runner: hostRunner,
      engine,
      address,
      gpus,
      allowed,
      ulimits,
      overrides: options,
    };
    const keys = new NodeKeys(stateDir);
    const joined = await identify(options, stateDir, keys, measured, log, signal);
    const { fleet, node, name } = joined;
    const owner = { fleet, node };
    log.info({ name, node, fleet, api: options.api, docker: engine.version, address }, "agent starts");

    const sessionsDir = join(stateDir, "sessions");
    await mkdir(sessionsDir, { recursive: true, mode: 0o700 });
    const facts = new FactsReporter(
      (refused) => measure(measured, owner, refused),
      (about) => link.send({ type: "facts", capacity: about.capacity, facts: about.facts }),
    );
    const guard = new Guard(hostRunner, owner);
    const privateImages = await PrivateImages.open(
      stateDir,
      async (id) => (await docker.image(id)) !== undefined,
    );
    const assignments = await AssignmentStore.open(sessionsDir, owner);
    const nodes = new NodeAddresses();
    const stored = await NodeLogs.open({
      dir: join(stateDir, "logs"),
      owner,
      docker,
      space: options.logSpace ?? LOG_SPACE,
      log,
    });
    logs = stored;
    const sessions = new Sessions(
      {
        owner,
        docker,
        images: new Images(docker, privateImages),
        surveys: new Surveys(docker),
        runner: hostRunner,
        guard,
        limit: limiter(engineParallelism(engine.cpus)),
        kitPath: kit.path,
        sysctls: kitSysctls(),
        allowed,
        cpus: engine.cpus,
        gpuDevices: hasGpuRuntime(engine),
        mapsUsers: engine.mapsUsers,
        sessionsDir,
        assignments,
        logs: stored,
        refused: (what) => facts.refused(what),
        refreshFacts: () => facts.refresh(),
        log,
      },
      (report) => link.send(report),
      (reason) => link.resync(reason),
    );
    const forwarders = new Forwarders(docker);
    const tunnels = new Tunnels(
      {
        api: options.api,
        fleet,
        node,
        sign: (text) => keys.sign(text),
        serverOf: (session) => {
          const find = (host: string) => sessions.container(session, host);
          return serveBy({
            exec: serveExec(docker, find),
            port: servePort(forwarders, find),
            files: serveFiles(docker, find),
            logs: serveLogs(stored, session),
            http: serveHttp(forwarders, find),
          });
        },
        log,
      },
      signal,
    );
    const link = new Link({
      api: options.api,
      joined,
      sign: (text) => keys.sign(text),
      rotation: new Rotation({ keys, joined, wanted: options.rotateKey === true, log }),
      about: async () => ({ ...(await facts.measure()), has: assignments.held, nodes: nodes.number }),
      onWelcome: (wanted) => sessions.welcome(wanted),
      onAssign: (wanted) => sessions.assign(wanted),
      onNodes: (change) => {
        if (!nodes.apply(change)) return false;
        guard.keepFrom(nodes.addresses).catch((error: Error) => {
          log.error({ reason: error.message }, "the firewall could not be loaded; the agent tries again");
        });
        return true;
      },
      onTunnel: ({ session }) => tunnels.want(session),
      log,
    });
    const watching = watchEngine(docker, log, signal, {
      onEvent: (event) => {
        if (event.type === "network") facts.soon();
        return sessions.onEvent(event);
      },
      onGap: () => sessions.resync(),
      // Without its engine a node can run nothing. The link ends, and comes back with the engine, which `hello` needs.
      onSilence: (reason) => link.renew(reason),
    });
    const [mending, tending] = [sessions.mend(signal), stored.tend(signal)];
    facts.watch(signal);
    const stopped = await link.run(signal);
    if (stopped === undefined) await Promise.all([watching, mending, tending, tunnels.closed()]);
    return stopped;
  } finally {
    await logs?.close();
    state.release();
  }
}

/** The node's identity. Joins the fleet first when this state directory has not joined one. */
async function identify(
  { api, joinToken, name = nameOfMachine(), labels }: AgentOptions,
  stateDir: string,
  { publicKey }: NodeKeys,
  measured: Measured,
  log: Log,
  signal: AbortSignal,
): Promise<Joined> {
  const joined = await loadJoined(stateDir);
  if (joined) return joined;
  if (joinToken === undefined) {
    throw new Error(
      `${stateDir} has not joined a fleet yet: give --join with a token from \`skein join-token\``,
    );
  }
  const { address, capacity, facts } = await measure(measured, { fleet: "", node: "" });
  const request = { joinToken, publicKey, name, address, labels, capacity, facts };
  const { fleet, nodeId } = await joinFleet(api, request, log, signal);
  const made = { fleet, node: nodeId, name };
  await saveJoined(stateDir, made);
  return made;
}

/** The machine's name as a DNS label. */
function nameOfMachine(): string {
  const label = hostname()
    .split(".")[0]!
    .toLowerCase()
    .replace(/[^a-z0-9-]/g, "-");
  return label.replace(/^-+|-+$/g, "").slice(0, 63) || "node";
}
