/** The session at the far end: one container, with a port for each thing that it does. */
import { setTimeout as pause } from "node:timers/promises";
import type { Session } from "../../sdk/index.ts";
import type { Cluster } from "../../test/lab/cluster.ts";
import { dockerExec } from "../../test/lab/docker-exec.ts";

/** Bytes of one transfer. */
export const SIZE = 2 ** 30;

/** What the container does for a connection to each port. */
export const PORTS = {
  /** Sends SIZE random bytes, always the same, and closes. */
  give: 7001,
  /** Takes SIZE bytes, and answers with one. */
  take: 7002,
  /** Sends without end. */
  flood: 7003,
  /** Never reads. */
  ignore: 7004,
} as const;

/** In memory: a disk would be slower than the network. */
const [GIVEN, TAKEN] = ["/dev/shm/given", "/dev/shm/taken"];

const PROGRAM = `
import os, socket, threading
SIZE = ${SIZE}
with open("${GIVEN}", "wb") as file:
    for _ in range(SIZE >> 20): file.write(os.urandom(1 << 20))
data = open("${GIVEN}", "rb")
def give(peer):
    peer.sendfile(data, 0, SIZE)
def take(peer):
    memory = memoryview(bytearray(1 << 20))
    with open("${TAKEN}", "wb") as file:
        left = SIZE
        while left > 0:
            count = peer.recv_into(memory)
            if count == 0: return
            file.write(memory[:count])
            left -= count
    peer.sendall(b"y")
def flood(peer):
    while True: peer.sendall(bytes(1 << 16))
def ignore(peer):
    threading.Event().wait()
def serve(peer, work):
    try: work(peer)
    except OSError: pass
    finally: peer.close()
def listen(port, work):
    listener = socket.create_server(("0.0.0.0", port))
    while True: threading.Thread(target=serve, args=[listener.accept()[0], work], daemon=True).start()
for port, work in [(${PORTS.take}, take), (${PORTS.flood}, flood), (${PORTS.ignore}, ignore)]:
    threading.Thread(target=listen, args=[port, work], daemon=True).start()
listen(${PORTS.give}, give)
`;

export class Job {
  readonly cluster: Cluster;
  readonly session: Session;

  private constructor(cluster: Cluster, session: Session) {
    this.cluster = cluster;
    this.session = session;
  }

  static async start(cluster: Cluster): Promise<Job> {
    const image = "skein/debian:12";
    const command = ["python3", "-c", PROGRAM];
    const session = await cluster.create({ image, command, resources: { shm: "3GiB" } });
    if (session.status !== "running") throw new Error(session.reason ?? session.status);
    const job = new Job(cluster, session);
    const isReady = `grep -q :${PORTS.give.toString(16).toUpperCase()} /proc/net/tcp`;
    while ((await job.#exec(["sh", "-c", isReady])).code !== 0) await pause(100);
    return job;
  }

  get host() {
    return this.cluster.lab.hosts[0]!;
  }

  get address(): string {
    return this.session.containers[0]!.address!;
  }

  /** SHA-256, in hex, of what the container gives; of what it has taken last. */
  givenHash(): Promise<string> {
    return this.#hash(GIVEN);
  }

  takenHash(): Promise<string> {
    return this.#hash(TAKEN);
  }

  async #hash(path: string): Promise<string> {
    return (await this.#exec(["sha256sum", path])).stdout.split(" ")[0]!;
  }

  #exec(argv: string[]) {
    return dockerExec(this.host.docker, this.session.containers[0]!.containerId!, argv);
  }
}
