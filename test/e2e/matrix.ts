/** Checks a session's whole promise: names, variables, SSH and open ports between every ordered pair of containers. */
import { expect } from "vitest";
import type { SessionView } from "../../shared/session/session-schemas.ts";
import { sh, variables } from "./skein.ts";

/** The table of the contract, written by hand for each host, so that the code under test computes none of it. */
export function clusterVariables(
  session: SessionView,
  replicas: string,
): Record<string, Record<string, string>> {
  const hosts = session.containers.map((container) => container.host);
  return Object.fromEntries(
    hosts.map((host, rank) => [
      host,
      {
        BACKENDAI_CLUSTER_SIZE: String(hosts.length),
        BACKENDAI_CLUSTER_HOSTS: hosts.join(","),
        BACKENDAI_CLUSTER_REPLICAS: replicas,
        BACKENDAI_CLUSTER_HOST: host,
        BACKENDAI_CLUSTER_IDX: /\d+$/.exec(host)![0],
        BACKENDAI_CLUSTER_ROLE: host.replace(/\d+$/, ""),
        BACKENDAI_CLUSTER_LOCAL_RANK: String(rank),
        SKEIN_SESSION_ID: session.id,
        SKEIN_SESSION_NAME: session.name,
      },
    ]),
  );
}

/** In the container itself (PID 1's environment) and over SSH from another, the variables are exactly these. */
export async function expectVariables(session: SessionView, replicas: string): Promise<void> {
  const expected = clusterVariables(session, replicas);
  await Promise.all(
    session.containers.map(async ({ host }, i) => {
      const peer = session.containers[(i + 1) % session.containers.length]!.host;
      const [inside, overSsh] = await Promise.all([
        sh(session, host, "cat /proc/1/environ | tr '\\0' '\\n'"),
        sh(session, peer, `ssh -o BatchMode=yes ${host} env`),
      ]);
      for (const printed of [inside, overSsh]) {
        const seen = variables(printed);
        const ours = Object.entries(seen).filter(([key]) => /^(BACKENDAI_|SKEIN_)/.test(key));
        expect(Object.fromEntries(ours), `in ${host}`).toEqual(expected[host]);
      }
    }),
  );
}

/** Hostname and `/etc/hosts` are right in each. */
export async function expectNames(session: SessionView): Promise<void> {
  await Promise.all(
    session.containers.map(async ({ host }) => {
      expect((await sh(session, host, "hostname")).trim()).toBe(host);
      const lines = (await sh(session, host, "cat /etc/hosts")).split("\n").map((line) => line.split(/\s+/));
      for (const other of session.containers) {
        const found = lines.filter(([, ...names]) => names.includes(other.host)).map(([address]) => address);
        expect(found, `${other.host} in ${host}:/etc/hosts`).toEqual([other.address]);
      }
    }),
  );
}

/** `ssh HOST hostname` for every ordered pair, self included: strict, without prompts or flags. */
export async function expectSsh(session: SessionView, shell?: string[]): Promise<void> {
  const hosts = session.containers.map((container) => container.host);
  await Promise.all(
    hosts.map(async (from) => {
      const script = hosts
        .flatMap((to) => [
          `ssh ${to} hostname`,
          `ssh -o BatchMode=yes -o StrictHostKeyChecking=yes ${to} hostname`,
        ])
        .join(" && ");
      const said = await sh(session, from, script, shell ? { shell } : {});
      expect(said.trim().split("\n"), `from ${from}`).toEqual(hosts.flatMap((to) => [to, to]));
    }),
  );
}

/** Every ordered pair pings, and connects over TCP and UDP on undeclared ports (needs netcat and ping in the image). */
export async function expectOpen(session: SessionView): Promise<void> {
  const hosts = session.containers.map((container) => container.host);
  await Promise.all(
    hosts.map((host) =>
      sh(
        session,
        host,
        hosts
          .map(
            (_, from) =>
              `setsid nc -l ${20000 + from} >/tmp/tcp${from} 2>&1 & setsid nc -u -l ${30000 + from} >/tmp/udp${from} 2>&1 &`,
          )
          .join("\n"),
      ),
    ),
  );
  await Promise.all(
    hosts.map((host, from) =>
      sh(
        session,
        host,
        hosts
          .map(
            (to) => `ping -c 1 -W 2 ${to} >/dev/null || exit 1
              until echo tcp-${host} | nc -N -w 2 ${to} ${20000 + from}; do sleep 0.05; done
              until ssh ${to} grep -q udp-${host} /tmp/udp${from}; do echo udp-${host} | nc -u -w 0 ${to} ${30000 + from}; done`,
          )
          .join("\n"),
      ),
    ),
  );
  await Promise.all(
    hosts.map(async (host) => {
      for (const [from, name] of hosts.entries()) {
        expect(await sh(session, host, `cat /tmp/tcp${from}`), `${name} to ${host}`).toBe(`tcp-${name}\n`);
      }
    }),
  );
}
