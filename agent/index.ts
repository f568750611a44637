/** The node agent: joins a fleet, keeps the link, and makes what the API assigns. What runs here outlives it. */
import { mkdir } from "node:fs/promises";
import { hostname } from "node:os";
import { join, resolve } from "node:path";
import type { Allowed } from "../shared/node/node-schemas.ts";
import { connectDocker, socketOf } from "./docker/dockerode.ts";
import { Images } from "./docker/images.ts";
import { watchEngine } from "./docker/watch.ts";
import { hostRunner } from "./host/runner.ts";
import { currentKit } from "./kit/build.ts";
import { kitSysctls } from "./kit/layout.ts";
import { Link } from "./link/link.ts";
import { Rotation } from "./link/rotation.ts";
import { type Log, makeLog } from "./log.ts";
import { checkAllowed } from "./node/check-allowed.ts";
import { addressOf, findGpus, hasGpuRuntime, type Measured, measure, type Overrides } from "./node/facts.ts";
import { FactsTeller } from "./node/facts-teller.ts";
import { type Joined, loadJoined, saveJoined } from "./node/identity.ts";
import { joinFleet } from "./node/join.ts";
import { NodeKeys } from "./node/node-keys.ts";
import { openState } from "./node/state-dir.ts";
import { limiter } from "./session/concurrency.ts";
import { Guard } from "./session/guard.ts";
import { Sessions } from "./session/node-sessions.ts";
import { Surveys } from "./session/surveys.ts";

/** As `skein agent` has it; `cpu` in cores, `memory` in bytes. */
export interface AgentOptions extends Overrides {
  /** The API's URL. */
  api: string;
  /** Needed once, to join; ignored after that. */
  joinToken?: string;
  /** The node's name, a DNS label; made from the machine's when left out. */
  name?: string;
  stateDir: string;
  /** Path of the engine's socket, or its URL. */
  docker?: string;
  labels: Record<string, string>;
  /** What containers may have of this node itself. */
  allowed: Allowed;
  /** Replace the node's key once the link is up. */
  rotateKey?: boolean;
  /** Where `skein setup` put the kit. */
  kitRoot: string;
}

/** How many containers an engine makes or starts at once: beyond that it only takes longer for each. */
const ENGINE_PARALLELISM = 16;

/** Programs of the machine that networks are made with, and the Debian packages that have them. */
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

/** Runs until SIGTERM or SIGINT (0), or until it has to give up (1, with the reason on stderr). Containers carry on either way. */
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

/** Resolves with the reason when the API sends the node away, undefined after the signal. */
async function run(options: AgentOptions, log: Log, signal: AbortSignal): Promise<string | undefined> {
  const stateDir = resolve(options.stateDir);
  const state = await openState(stateDir);
  try {
    const { allowed } = options;
    await checkAllowed(allowed, [stateDir, resolve(options.kitRoot), socketOf(options.docker) ?? stateDir]);
    const docker = await connectDocker(options.docker);
    await Promise.all([...HOST_TOOLS].map(([tool, from]) => needTool(tool, from)));
    const [engine, address, kit] = await Promise.all([
      docker.engine(),
      addressOf(hostRunner, options.address),
      currentKit(resolve(options.kitRoot)),
    ]);
    const gpus = options.gpu === undefined ? await findGpus(hostRunner, engine) : [];
    const measured: Measured = {
      docker,
      runner: hostRunner,
      engine,
      address,
      gpus,
      allowed,
      overrides: options,
    };
    const keys = new NodeKeys(stateDir);
    const joined = await identify(options, stateDir, keys, measured, log, signal);
    const { fleet, node, name } = joined;
    const owner = { fleet, node };
    log.info({ name, node, fleet, api: options.api, docker: engine.version, address }, "agent starts");

    const sessionsDir = join(stateDir, "sessions");
    await mkdir(sessionsDir, { recursive: true, mode: 0o700 });
    const facts = new FactsTeller(
      (refused) => measure(measured, owner, refused),
      (about) => link.send({ type: "facts", capacity: about.capacity, facts: about.facts }),
    );
    const guard = new Guard(hostRunner, owner);
    const sessions = new Sessions(
      {
        owner,
        docker,
        images: new Images(docker),
        surveys: new Surveys(docker),
        runner: hostRunner,
        guard,
        limit: limiter(ENGINE_PARALLELISM),
        kitPath: kit.path,
        sysctls: kitSysctls(),
        allowed,
        cpus: engine.cpus,
        gpuDevices: hasGpuRuntime(engine),
        mapsUsers: engine.mapsUsers,
        sessionsDir,
        refused: (subnet) => facts.refused(subnet),
        refreshFacts: () => facts.refresh(),
        log,
      },
      (report) => link.send(report),
    );
    const link = new Link({
      api: options.api,
      joined,
      sign: (text) => keys.sign(text),
      rotation: new Rotation({ keys, joined, wanted: options.rotateKey === true, log }),
      about: () => facts.measure(),
      onWelcome: (assignments) => sessions.welcome(assignments),
      onAssign: (desired) => sessions.assign(desired),
      onNodes: (addresses) =>
        void guard.keepFrom(addresses).catch((error: Error) => {
          log.error({ reason: error.message }, "the firewall could not be loaded: it is tried again");
        }),
      log,
    });
    const watching = watchEngine(docker, log, signal, {
      onEvent: (event) => {
        if (event.type === "network") facts.soon();
        return sessions.onEvent(event);
      },
      onGap: () => sessions.resync(),
      // A node without an engine is no node: nothing is to be placed on it, and its lease runs. Hello needs the engine.
      onSilence: (reason) => link.renew(reason),
    });
    const mending = sessions.mend(signal);
    facts.watch(signal);
    const stopped = await link.run(signal);
    if (stopped === undefined) await Promise.all([watching, mending]);
    return stopped;
  } finally {
    state.release();
  }
}

/** Who we are; joins the fleet first where this state directory has not. */
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
