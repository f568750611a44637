/** Phase `prepared`: images, network, containers (not started), key pairs. */
import type { Assignment, ContainerSpec } from "../../shared/protocol/assignment.ts";
import type { Registry } from "../../shared/protocol/protocol.ts";
import { containerBody } from "../docker/bodies.ts";
import { containerName } from "../docker/docker-names.ts";
import { ImageError, type Wanted } from "../docker/images.ts";
import { DockerError, type Image } from "../docker/port.ts";
import { outsideFiles, type Vacant, writeLauncherFiles } from "../frameworks/launcher-files.ts";
import { makeGate } from "../kit/gate.ts";
import { makeKeyPair } from "../ssh/ssh-keys.ts";
import type { Survey } from "../ssh/survey.ts";
import { together } from "./concurrency.ts";
import { type Prepared, savePrepared, selfDir } from "./container-record.ts";
import { type NodeContext, StepFailure, sessionDir } from "./context.ts";
import { homeVariable, refuseReach, refuseUnderSsh } from "./node-reach.ts";
import type { Observed } from "./observed.ts";
import { provideNetwork } from "./session-network.ts";

/** What a step works on: this node's part of one session. */
export interface SessionTask {
  context: NodeContext;
  assignment: Assignment;
  observed: Observed;
}

/** After a restart of the agent, `observed` may have the network and some containers already. */
export async function prepare(
  task: SessionTask,
  registries: readonly Registry[],
  progressed: () => void,
  signal: AbortSignal,
): Promise<void> {
  const { context, assignment, observed } = task;
  refuseReach(assignment, context.allowed);
  await context.logs.expect(assignment);
  const network = provideNetwork(context, assignment, observed.networkExists);
  const missing = assignment.containers.filter(({ host }) => !observed.prepared.has(host));
  const jobs = [
    () => network,
    ...missing.map((spec) => async (jobSignal: AbortSignal) => {
      const wanted = { reference: spec.image, registries };
      observed.prepared.set(
        spec.host,
        await prepareContainer(task, spec, wanted, network, progressed, jobSignal),
      );
      progressed();
    }),
  ];
  await together(jobs, signal, (job, jobSignal) => job(jobSignal));
}

async function prepareContainer(
  { context, assignment, observed }: SessionTask,
  spec: ContainerSpec,
  wanted: Wanted,
  network: Promise<void>,
  progressed: () => void,
  signal: AbortSignal,
): Promise<Prepared> {
  const { host } = spec;
  const self = selfDir(sessionDir(context, assignment.session), host);
  const gate = makeGate(self)
    .then(() => writeLauncherFiles(self, assignment, spec))
    .catch((error: Error) => {
      throw new StepFailure("create", error.message, host);
    });
  gate.catch(() => {});
  const progress = (reason: string) => {
    observed.set(host, "pulling", { reason });
    progressed();
  };
  // Waits for the gate also after a failure, so that nothing is running afterwards.
  const image = await provideImage(context, wanted, host, signal, progress).finally(() => gate);
  signal.throwIfAborted();
  const body = containerBody(assignment, spec, image, self, {
    ...context,
    macOn: context.docker.macOn,
  });
  const name = containerName(context.owner, assignment.session, host);
  const make = () => context.limit(signal, () => context.docker.createContainer(name, body));
  try {
    const containerId = await make().catch(async (error) => {
      // Some engines need the network to exist first. Others do not, which saves the wait.
      if (!(error instanceof DockerError && error.status === 404 && /network/i.test(error.message)))
        throw error;
      await network;
      return await make();
    });
    observed.set(host, "pending", { containerId });
    signal.throwIfAborted();
    const [survey, vacant] = await Promise.all([
      context.surveys.of(image.id, spec.user ?? image.user, homeVariable(spec, image.env), containerId),
      context.surveys.vacant(image.id, outsideFiles(spec), containerId),
    ]);
    refuseUnderSsh(spec, survey);
    const prepared = await makeKeys(context, assignment.session, host, containerId, survey, vacant);
    observed.set(host, "prepared");
    return prepared;
  } catch (error) {
    throw new StepFailure("create", (error as Error).message, host);
  }
}

async function provideImage(
  { images }: NodeContext,
  wanted: Wanted,
  host: string,
  signal: AbortSignal,
  progress: (reason: string) => void,
): Promise<Image> {
  try {
    return await images.provide(wanted, progress, signal);
  } catch (error) {
    if (error instanceof ImageError) throw new StepFailure("image", error.message, host);
    throw error;
  }
}

async function makeKeys(
  context: NodeContext,
  session: string,
  host: string,
  containerId: string,
  survey: Survey,
  vacant: Vacant[],
): Promise<Prepared> {
  const keys = { host: makeKeyPair(), user: makeKeyPair() };
  const prepared: Prepared = {
    containerId,
    survey,
    vacant,
    keys,
    identity: {
      host,
      user: survey.account.user,
      hostKey: keys.host.publicKey,
      userKey: keys.user.publicKey,
    },
  };
  await savePrepared(sessionDir(context, session), prepared);
  return prepared;
}
