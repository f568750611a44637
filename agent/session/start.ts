/** Phase `started`: writes the public keys, starts the containers (their commands wait), and proves the network and SSH. */
import type { Assignment, ContainerSpec, SessionKeys } from "../../shared/protocol/assignment.ts";
import type { Executed } from "../docker/port.ts";
import { placeLauncherFiles } from "../frameworks/launcher-files.ts";
import { handOver } from "../kit/handover.ts";
import { type ProofTarget, proveCommand, unproven } from "../kit/prove.ts";
import { packEntries } from "../ssh/archive.ts";
import { placePrepared, placeStarted } from "../ssh/place.ts";
import type { Peer } from "../ssh/ssh-files.ts";
import { together } from "./concurrency.ts";
import { savePrepared, selfDir } from "./container-record.ts";
import { type NodeContext, StepFailure, sessionDir } from "./context.ts";
import type { SessionTask } from "./prepare.ts";

/** How long a host may take to answer. Containers of other nodes start at the same time, and those nodes may be busy. */
const PROOF_SECONDS = 60;
const PROOF_OUTPUT_BYTES = 256 * 1024;

/** `keys` are the public keys of all containers of the session, in rank order. */
export async function start(
  task: SessionTask,
  keys: SessionKeys,
  progressed: () => void,
  signal: AbortSignal,
): Promise<void> {
  const peers = peersOf(task, keys);
  await together(task.assignment.containers, signal, async (spec, jobSignal) => {
    await startContainer(task, spec, peers, jobSignal);
    progressed();
  });
  await prove(task, signal);
}

function peersOf({ assignment, observed }: SessionTask, keys: SessionKeys): Peer[] {
  const count = assignment.members.length;
  if (keys.length !== count)
    throw new StepFailure("internal", `the session has ${count} containers, and keys of ${keys.length}`);
  const peers = assignment.members.map(({ host, address }, rank): Peer => {
    const [user, hostKey, userKey] = keys[rank]!;
    return { host, address, user, hostKey, userKey };
  });
  const known = new Map(peers.map(({ host, hostKey }) => [host, hostKey]));
  for (const { host } of assignment.containers) {
    if (known.get(host) !== observed.prepared.get(host)?.identity.hostKey) {
      const message =
        "it was made again, because its container was gone, after the session had learned its keys";
      throw new StepFailure("internal", message, host);
    }
  }
  return peers;
}

async function startContainer(
  { context, assignment, observed }: SessionTask,
  { host }: ContainerSpec,
  peers: readonly Peer[],
  signal: AbortSignal,
): Promise<void> {
  const dir = sessionDir(context, assignment.session);
  const { keys, ...rest } = observed.prepared.get(host)!;
  const { containerId, survey, vacant } = rest;
  const forgetKeys = async () => {
    observed.prepared.set(host, rest);
    if (keys) await savePrepared(dir, rest);
  };
  // An earlier run of the agent started it.
  if (["started", "running", "exited"].includes(observed.container(host)?.status ?? ""))
    return await forgetKeys();
  await context.limit(signal, async () => {
    const secret = keys ? placePrepared(survey, keys, host) : [];
    const launchers = placeLauncherFiles(vacant, assignment);
    const tar = await packEntries([...secret, ...launchers, ...placeStarted(survey, peers, host)]);
    signal.throwIfAborted();
    try {
      if (survey.account.uid === 0 && !context.mapsUsers) await handOver(selfDir(dir, host), tar);
      else await context.docker.putArchive(containerId, "/", tar);
      await context.docker.start(containerId);
      context.logs.started(assignment.session, host, containerId);
      await forgetKeys();
    } catch (error) {
      throw new StepFailure("start", (error as Error).message, host);
    }
  });
  observed.set(host, "started");
}

/** The first container of this node logs in to containers of other nodes, and exchanges one packet of full size with other nodes. */
async function prove({ context, assignment, observed }: SessionTask, signal: AbortSignal): Promise<void> {
  const targets = targetsOf(assignment);
  const from = assignment.containers[0]?.host;
  if (targets.length === 0) return;
  if (from === undefined)
    throw new StepFailure("internal", "this node has something to prove, and no container to do it");
  const { mtu } = assignment.network;
  const { containerId } = observed.prepared.get(from)!;
  const proof = await execProof(
    context,
    containerId,
    from,
    proveCommand(targets, PROOF_SECONDS, mtu),
    signal,
  );
  const missing = unproven(targets, proof.output);
  if (missing.length === 0) return;
  // A signal ended it, together with its container: that says nothing about the others.
  if (proof.exitCode < 0 || proof.exitCode > 128)
    throw new StepFailure("start", "its container ended during its proof of the network and SSH", from);
  const { way, host, reason } = missing[0]!;
  const how = way === "ssh" ? "by SSH" : `with packets of ${mtu} bytes`;
  const others = missing.length > 1 ? ` (and ${missing.length - 1} more)` : "";
  throw new StepFailure("proof", `cannot be reached from ${from} ${how}${others}: ${reason}`, host);
}

/** Pings come first: when ping and login to a host fail, the failure names the ping, which tells more about the network. */
function targetsOf({ proof: { ssh, ping } }: Assignment): ProofTarget[] {
  const to = (way: ProofTarget["way"], hosts: readonly string[]) =>
    hosts.map((host): ProofTarget => ({ way, host }));
  return [...to("ping", ping), ...to("ssh", ssh)];
}

async function execProof(
  { docker }: NodeContext,
  containerId: string,
  from: string,
  argv: string[],
  signal: AbortSignal,
): Promise<Executed> {
  try {
    return await docker.exec(containerId, argv, PROOF_OUTPUT_BYTES, signal);
  } catch (error) {
    signal.throwIfAborted();
    throw new StepFailure("proof", `the proof could not be run: ${(error as Error).message}`, from);
  }
}
