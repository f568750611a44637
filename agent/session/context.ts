/** What all sessions of a node share. */
import { join } from "node:path";
import type { Allowed } from "../../shared/node/node-schemas.ts";
import type { Failure } from "../../shared/protocol/protocol.ts";
import { networkName } from "../docker/docker-names.ts";
import type { Images } from "../docker/images.ts";
import type { DockerPort } from "../docker/port.ts";
import type { Runner } from "../host/runner.ts";
import type { Log } from "../log.ts";
import type { NodeLogs } from "../logs/node-logs.ts";
import type { Owner } from "../network/link-names.ts";
import type { Refused } from "../network/network-facts.ts";
import type { AssignmentStore } from "./assignment-store.ts";
import type { Limit } from "./concurrency.ts";
import type { Guard } from "./guard.ts";
import type { Surveys } from "./surveys.ts";

export interface NodeContext {
  owner: Owner;
  docker: DockerPort;
  images: Images;
  surveys: Surveys;
  runner: Runner;
  guard: Guard;
  /** Limits how many containers the engine makes or starts at once. */
  limit: Limit;
  kitPath: string;
  /** From `kitSysctls`. */
  sysctls: Record<string, string>;
  /** What containers may use of the node itself. */
  allowed: Allowed;
  /** The machine's cores. */
  cpus: number;
  gpuDevices: boolean;
  /** The engine maps users (`userns-remap`): root in a container is not root on the node. */
  mapsUsers: boolean;
  /** Has one directory for each session. */
  sessionsDir: string;
  /** The assignments that are stored there. */
  assignments: AssignmentStore;
  /** What containers print. */
  logs: Pick<NodeLogs, "expect" | "started" | "ended" | "over" | "keepOnly">;
  /** The engine refused this subnet, or the kernel this VNI. */
  refused(what: Refused): void;
  /** Sends the API the subnets and VNIs in use on this node, if they changed. */
  refreshFacts(): Promise<void>;
  log: Log;
}

/** The directory of one session. Its name is that of the Docker network, since an id from outside must not become a path. */
export function sessionDir({ sessionsDir, owner }: NodeContext, session: string): string {
  return join(sessionsDir, networkName(owner, session));
}

/** ENOSPC (errno(3)): Node.js's code for our own writes, and the engines' words for theirs. */
const DISK_FULL = /ENOSPC|no space left on device/i;

/** Why a step failed, as it is reported to the API. A full disk has a code of its own, whatever step it broke. */
export class StepFailure extends Error {
  override readonly name = "StepFailure";
  readonly failure: Failure;

  constructor(code: Failure["code"], message: string, host?: string) {
    super(message);
    this.failure = {
      code: DISK_FULL.test(message) ? "disk_full" : code,
      message: message.slice(0, 4096),
      ...(host === undefined ? {} : { host }),
    };
  }
}
