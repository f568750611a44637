/** What `running` promises, tried: SSH and ping between every ordered pair of a session's containers. */
import type { Session } from "../../sdk/index.ts";
import type { Cluster } from "../lab/cluster.ts";

/** A line for each pair that fails. */
export async function matrix(cluster: Cluster, session: Session): Promise<string[]> {
  const hosts = session.containers.map(({ host }) => host);
  const tried = session.containers
    .filter(({ status }) => status === "running")
    .flatMap(({ host: from }) => hosts.map((to) => tryPair(cluster, session, from, to)));
  return (await Promise.all(tried)).flat();
}

async function tryPair(cluster: Cluster, session: Session, from: string, to: string): Promise<string[]> {
  const script = `ping -c 1 -W 5 ${to} >/dev/null || echo no ping; timeout 20 ssh ${to} hostname`;
  const said = await cluster.exec(session, from, ["sh", "-c", script]).catch((error: Error) => ({
    stdout: "",
    stderr: error.message,
  }));
  if (said.stdout.trim() === to) return [];
  const what = `${said.stdout}${said.stderr}`.trim().replaceAll("\n", "; ");
  return [`${session.id} (${session.clusterMode}) ${from} to ${to}: ${what}`];
}
