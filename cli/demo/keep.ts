/** `skein demo --keep`: ways from the machine into the lab, and what to do there. */
import { join } from "node:path";
import type { Cluster } from "../../test/lab/cluster.ts";
import { relay } from "./relay.ts";

/** The environment variable that passes `Keep` to the process inside, as JSON. */
export const SOCKETS_DIR = "SKEIN_DEMO_KEEP";

export interface Keep {
  /** The directory of the lab's sockets; it has the same path on the machine and in the lab. */
  directory: string;
  /** Port on 127.0.0.1 of the machine that leads to the API. */
  port: number;
}

/** Makes a socket in the directory for the API and for each host's engine, and prints how to use them. */
export async function openDoors({ directory, port }: Keep, { api, lab }: Cluster): Promise<string> {
  const url = new URL(api.url);
  await relay({ path: join(directory, "api.sock") }, { host: url.hostname, port: Number(url.port) });
  for (const { name, dockerSocket } of lab.hosts) {
    await relay({ path: join(directory, `${name}.sock`) }, { path: dockerSocket });
  }
  const [first] = lab.hosts;
  return [
    "It stays up until Ctrl-C. In another terminal, in this directory:",
    "",
    `  export SKEIN_API=http://127.0.0.1:${port} SKEIN_TOKEN=$(cat ${join(api.dataDir, "admin-token")})`,
    "  ./skein node ls",
    "  ./skein run --name train --image skein/debian:12 --mode multi-node --size 4",
    "  ./skein describe train",
    "",
    "Each host's Docker engine, to enter a container (its id is in skein describe):",
    "",
    `  docker -H unix://${join(directory, `${first!.name}.sock`)} ps`,
    `  docker -H unix://${join(directory, `${first!.name}.sock`)} exec -it CONTAINER bash`,
    "",
    "Images there: skein/debian:12, skein/debian-user:12, skein/busybox:1, skein/empty:1 (no registry can be reached).",
  ].join("\n");
}
