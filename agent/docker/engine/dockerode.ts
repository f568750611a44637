/** The Docker port on a real engine, by dockerode. Written against Engine API 1.41 to 1.47. */
import http from "node:http";
import https from "node:https";
import Docker from "dockerode";
import { DockerError, type DockerPort } from "../port.ts";
import { addressOf, givenEngine } from "./engine-address.ts";
import { answer } from "./engine-answer.ts";
import { archivesOf } from "./engine-archives.ts";
import { containersOf } from "./engine-containers.ts";
import { eventSource } from "./engine-events.ts";
import { execsOf } from "./engine-execs.ts";
import { imagesOf } from "./engine-images.ts";
import { networksOf } from "./engine-networks.ts";
import { outputOf } from "./engine-output.ts";

/** The newest API version that this code was written for. An older engine is asked in its own version. */
const NEWEST_KNOWN = "1.47";
/** From this version on the MAC address belongs to the endpoint (Engine API version history). */
const MAC_ON_ENDPOINT = "1.44";

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

/** The older of two versions like `1.44`. */
function olderOf(a: string, b: string): string {
  return a.localeCompare(b, "en", { numeric: true }) < 0 ? a : b;
}

/**
 * `newcomer` opens a new connection for each request. An engine that is stopping refuses new connections but still serves open ones: it
 * would start a container, and then stop in the middle of it.
 */
function portOf(docker: Docker, newcomer: Docker, macOn: DockerPort["macOn"]): DockerPort {
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
    ...imagesOf(docker),
    ...networksOf(docker),
    ...containersOf(docker, newcomer),
    ...execsOf(docker),
    ...archivesOf(docker),
    ...outputOf(docker, newcomer),
    ...eventSource(docker),
  };
}
