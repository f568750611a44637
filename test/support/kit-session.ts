/** Sessions from the kit alone, without an agent: containers on one bridge network that trust each other by SSH. */
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { PassThrough, type Readable } from "node:stream";
import { text } from "node:stream/consumers";
import type Docker from "dockerode";
import { expect, vi } from "vitest";
import type { Kit } from "../../agent/kit/build.ts";
import { makeGate, openGate } from "../../agent/kit/gate.ts";
import { INSIDE, kitBinds, kitEntrypoint, kitSysctls, pathWithKit } from "../../agent/kit/layout.ts";
import { type ProofTarget, proveCommand, type Unproven, unproven } from "../../agent/kit/prove.ts";
import { containerFiles, packEntries } from "../../agent/ssh/archive.ts";
import { type Entry, placePrepared, placeStarted } from "../../agent/ssh/place.ts";
import type { Peer } from "../../agent/ssh/ssh-files.ts";
import { makeKeyPair } from "../../agent/ssh/ssh-keys.ts";
import { survey } from "../../agent/ssh/survey.ts";

export interface Wanted {
  host: string;
  image: string;
  user?: string;
  argv?: string[];
  env?: string[];
  /** Its variable PATH, without the kit's part. */
  path?: string;
  /** Files written into the container before Skein reads it, as if from another image. */
  own?: Entry[];
}

/** The environment of sessions: an engine, the kit, a directory for the containers' own folders. */
export interface Place {
  docker: Docker;
  kit: Kit;
  dir: string;
}

interface Made {
  peer: Peer;
  container: Docker.Container;
  selfDir: string;
}

/** A session on one bridge network, its gates still closed. */
export class KitSession implements AsyncDisposable {
  static #made = 0;
  readonly made: Made[];
  readonly #network: Docker.Network;

  private constructor(made: Made[], network: Docker.Network) {
    this.made = made;
    this.#network = network;
  }

  /** `sysctls`: for all containers, besides those that Skein sets. */
  static async start(
    { docker, kit, dir }: Place,
    wanted: Wanted[],
    sysctls: object = {},
  ): Promise<KitSession> {
    const number = ++KitSession.#made;
    const subnet = `10.64.${number}`;
    const network = await docker.createNetwork({
      Name: `kit${number}`,
      IPAM: { Config: [{ Subnet: `${subnet}.0/24`, Gateway: `${subnet}.254` }] },
    });
    const hosts = wanted.map(({ host }, i) => ({ host, address: `${subnet}.${i + 2}` }));
    const prepared = await Promise.all(
      wanted.map(async ({ host, image, user = "", argv = [], env = [], path, own = [] }, i) => {
        const selfDir = await mkdtemp(join(dir, `${host}-`));
        await makeGate(selfDir);
        const container = await docker.createContainer({
          name: `kit${number}-${host}`,
          Hostname: host,
          Image: image,
          User: user,
          Entrypoint: kitEntrypoint(argv),
          Cmd: [],
          Env: [
            `PATH=${pathWithKit(path)}`,
            `BACKENDAI_CLUSTER_HOSTS=${hosts.map((each) => each.host).join(",")}`,
            `BACKENDAI_CLUSTER_HOST=${host}`,
            ...env,
          ],
          HostConfig: {
            Binds: kitBinds(kit.path, selfDir),
            NetworkMode: network.id,
            ExtraHosts: hosts.map((each) => `${each.host}:${each.address}`),
            SecurityOpt: ["no-new-privileges"],
            Sysctls: { ...kitSysctls(), ...sysctls },
          },
          NetworkingConfig: {
            EndpointsConfig: { [`kit${number}`]: { IPAMConfig: { IPv4Address: hosts[i]!.address } } },
          },
        });
        if (own.length > 0) await container.putArchive(await packEntries(own), { path: "/" });
        const unless404 = (error: { statusCode?: number }) => {
          if (error.statusCode !== 404) throw error;
        };
        const files = containerFiles(
          async (path) => (await container.getArchive({ path }).catch(unless404)) as Readable | undefined,
          async (path) => {
            const answer = await container.infoArchive({ path }).catch(unless404);
            const stat = answer?.headers["x-docker-container-path-stat"];
            return stat && JSON.parse(Buffer.from(stat, "base64").toString());
          },
        );
        const config = (await container.inspect()).Config;
        const seen = await survey(files, config.User ?? "", homeOf(config.Env));
        const keys = { host: makeKeyPair(), user: makeKeyPair() };
        const peer: Peer = {
          ...hosts[i]!,
          user: seen.account.user,
          hostKey: keys.host.publicKey,
          userKey: keys.user.publicKey,
        };
        return { peer, container, selfDir, entries: placePrepared(seen, keys, host), seen };
      }),
    );
    const peers = prepared.map(({ peer }) => peer);
    await Promise.all(
      prepared.map(async ({ peer, container, entries, seen }) => {
        const tar = await packEntries([...entries, ...placeStarted(seen, peers, peer.host)]);
        await container.putArchive(tar, { path: "/" });
        await container.start();
      }),
    );
    return new KitSession(prepared, network);
  }

  of(host: string): Made {
    return this.made.find(({ peer }) => peer.host === host)!;
  }

  async openGates(): Promise<void> {
    await Promise.all(this.made.map(({ selfDir }) => openGate(selfDir)));
  }

  /** From a container to all, in both ways. */
  async prove(from: string): Promise<Unproven[]> {
    const targets = this.made.flatMap(({ peer: { host } }): ProofTarget[] => [
      { way: "ping", host },
      { way: "ssh", host },
    ]);
    const { stdout } = await exec(this.of(from).container, proveCommand(targets, 10, 1500));
    return unproven(targets, stdout);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.made.map(({ container }) => container.remove({ force: true, v: true })));
    await this.#network.remove();
    await Promise.all(this.made.map(({ selfDir }) => rm(selfDir, { recursive: true })));
  }
}

const homeOf = (env: string[]) => env.findLast((entry) => entry.startsWith("HOME="))?.slice("HOME=".length);

interface Said {
  code: number;
  stdout: string;
  stderr: string;
}

/** As the container's user. `kitsh` below is a shell that every container has. */
export async function exec(container: Docker.Container, argv: string[], tty = false): Promise<Said> {
  const job = await container.exec({ Cmd: argv, AttachStdout: true, AttachStderr: true, Tty: tty });
  const stream = await job.start({ Tty: tty });
  const [out, err] = [new PassThrough(), new PassThrough()];
  if (tty) stream.pipe(out);
  else container.modem.demuxStream(stream, out, err);
  const texts = Promise.all([text(out), tty ? "" : text(err)]);
  await once(stream, "end");
  if (!tty) out.end();
  err.end();
  const [stdout, stderr] = await texts;
  return { code: (await job.inspect()).ExitCode ?? -1, stdout, stderr };
}

/** A shell script, run by the kit's own shell. */
export const kitsh = (script: string) => [`${INSIDE.kit}/bin/sh`, "-c", script];

/** What a container's command has printed so far, both streams together. */
export async function output(container: Docker.Container): Promise<string> {
  const logs = (await container.logs({ stdout: true, stderr: true, follow: false })) as unknown as Buffer;
  const texts: string[] = [];
  for (let at = 0; at < logs.length; at += 8 + logs.readUInt32BE(at + 4)) {
    texts.push(logs.subarray(at + 8, at + 8 + logs.readUInt32BE(at + 4)).toString());
  }
  return texts.join("");
}

/** Waits for this output of the container. */
export async function untilOutput(container: Docker.Container, expected: string): Promise<void> {
  await vi.waitFor(async () => expect(await output(container)).toContain(expected), {
    timeout: 20_000,
    interval: 50,
  });
}
