/** What all sessions of a node work with. */
import { join } from "node:path";
import type { Allowed } from "../../shared/node/node-schemas.ts";
import type { Failure } from "../../shared/protocol/protocol.ts";
import { networkName } from "../docker/docker-names.ts";
import type { Images } from "../docker/images.ts";
import type { DockerPort } from "../docker/port.ts";
import type { Runner } from "../host/runner.ts";
import type { Log } from "../log.ts";
import type { Owner } from "../network/link-names.ts";
import type { Guard } from "./guard.ts";
import type { Surveys } from "./surveys.ts";

export interface NodeContext {
  owner: Owner;
  docker: DockerPort;
  images: Images;
  surveys: Surveys;
  runner: Runner;
  guard: Guard;
  /** Bounds how many containers the engine is asked to make or start at once. */
  limit: <T>(job: () => Promise<T>) => Promise<T>;
  kitPath: string;
  /** From `kitSysctls`. */
  sysctls: Record<string, string>;
  /** What containers may have of this node itself. */
  allowed: Allowed;
  /** The machine's cores. */
  cpus: number;
  gpuDevices: boolean;
  /** The engine maps users (`userns-remap`): a container's root is not the node's. */
  mapsUsers: boolean;
  /** Has one directory for each session. */
  sessionsDir: string;
  /** The engine makes no network in this subnet. */
  refused(subnet: string): void;
  /** Sees to it that the API knows of this node's subnets as they are now. */
  refreshFacts(): Promise<void>;
  log: Log;
}

/** The node's files of one session. Named like its Docker network: an id from outside is not for paths. */
export function sessionDir({ sessionsDir, owner }: NodeContext, session: string): string {
  return join(sessionsDir, networkName(owner, session));
}

/** Node's code for a write of ours, and the words of engines for theirs (ENOSPC, errno(3)). */
const DISK_FULL = /ENOSPC|no space left on device/i;

/** Why a step cannot be done; told to the API as it is. A full disk is one cause under many other names. */
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
