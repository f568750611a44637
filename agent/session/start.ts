/** Phase `started`: whom to trust is written, the containers start (their commands wait at the gate), and SSH is proven. */
import type { Assignment, Identity } from "../../shared/protocol/protocol.ts";
import type { Executed } from "../docker/port.ts";
import { handOver } from "../kit/handover.ts";
import { proveCommand, unproven } from "../kit/prove.ts";
import { packEntries } from "../ssh/archive.ts";
import { placePrepared, placeStarted } from "../ssh/place.ts";
import type { Peer } from "../ssh/ssh-files.ts";
import { together } from "./concurrency.ts";
import { savePrepared, selfDir } from "./container-record.ts";
import { type NodeContext, StepFailure, sessionDir } from "./context.ts";
import type { Part } from "./prepare.ts";

/** How long a host may take to answer: others start at the same time, on other nodes, and those may be busy. */
const PROOF_SECONDS = 60;
const PROOF_OUTPUT_BYTES = 256 * 1024;

/** `identities` are those of all the session's containers. */
export async function start(
  part: Part,
  identities: readonly Identity[],
  progressed: () => void,
  signal: AbortSignal,
): Promise<void> {
  const peers = peersOf(part, identities);
  await together(part.assignment.containers, signal, async ({ host }, jobSignal) => {
    await startContainer(part, host, peers, jobSignal);
    progressed();
  });
  await together(part.assignment.proofs, signal, (proof, jobSignal) => prove(part, proof, peers, jobSignal));
}

function peersOf({ assignment, observed }: Part, identities: readonly Identity[]): Peer[] {
  const known = new Map(identities.map((identity) => [identity.host, identity]));
  for (const { host } of assignment.containers) {
    if (known.get(host)?.hostKey !== observed.prepared.get(host)?.identity.hostKey) {
      const message = "it was made anew, its container being gone, after the session had been told its keys";
      throw new StepFailure("internal", message, host);
    }
  }
  return assignment.members.map(({ host, address }) => {
    const identity = known.get(host);
    if (!identity) throw new StepFailure("internal", "the session does not know its keys", host);
    return { ...identity, address };
  });
}

async function startContainer(
  { context, assignment, observed }: Part,
  host: string,
  peers: readonly Peer[],
  signal: AbortSignal,
): Promise<void> {
  const dir = sessionDir(context, assignment.session);
  const { keys, ...rest } = observed.prepared.get(host)!;
  const { containerId, survey } = rest;
  const forgetKeys = async () => {
    observed.prepared.set(host, rest);
    if (keys) await savePrepared(dir, rest);
  };
  // Since before an agent's restart.
  if (["started", "running", "exited"].includes(observed.container(host)?.status ?? ""))
    return await forgetKeys();
  const secret = keys ? placePrepared(survey, keys, host) : [];
  const tar = await packEntries([...secret, ...placeStarted(survey, peers)]);
  await context.limit(async () => {
    signal.throwIfAborted();
    try {
      if (survey.account.uid === 0 && !context.mapsUsers) await handOver(selfDir(dir, host), tar);
      else await context.docker.putArchive(containerId, "/", tar);
      await context.docker.start(containerId);
      await forgetKeys();
    } catch (error) {
      throw new StepFailure("start", (error as Error).message, host);
    }
  });
  observed.set(host, "started");
}

async function prove(
  { context, observed }: Part,
  { from, to }: Assignment["proofs"][number],
  peers: readonly Peer[],
  signal: AbortSignal,
): Promise<void> {
  if (to.length === 0) return;
  const users = new Map(peers.map(({ host, user }) => [host, user]));
  const targets = to.map((host) => ({ host, user: users.get(host)! }));
  const { containerId } = observed.prepared.get(from)!;
  const proof = await execProof(context, containerId, from, proveCommand(targets, PROOF_SECONDS), signal);
  const missing = unproven(targets, proof.output);
  if (missing.length === 0) return;
  // By a signal, and so with its container: that says nothing about the others.
  if (proof.exitCode < 0 || proof.exitCode > 128)
    throw new StepFailure("start", "its container ended before it had proven SSH to the others", from);
  const { host, reason } = missing[0]!;
  const others = missing.length > 1 ? `, and ${missing.length - 1} more` : "";
  throw new StepFailure("proof", `cannot be reached by SSH from ${from}${others}: ${reason}`, host);
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
