/** Tries what `running` promises: SSH and ping between every ordered pair of a session's running containers. */
import { setTimeout as pause } from "node:timers/promises";
import type { Session } from "../../sdk/index.ts";
import type { Cluster } from "../lab/cluster.ts";
import { excuse, type Sighting } from "./excuse.ts";

type Container = Session["containers"][number];

/** Milliseconds until an engine notices an end that a connected client noticed at once. */
const NOTICED = 1_000;

/** A line for each pair that failed. For `excused` ones, one of the two containers was down for a part of the trial. */
export interface Trial {
  pairs: number;
  broken: string[];
  excused: string[];
}

/** `before`: the state of the session's containers just before, including all running ones. */
export async function matrix(
  cluster: Cluster,
  session: Session,
  before: ReadonlyMap<string, Sighting>,
): Promise<Trial> {
  const there = session.containers.filter(({ status }) => status === "running");
  const pairs = there.flatMap((from) => there.map((to) => ({ from, to })));
  const trial: Trial = { pairs: pairs.length, broken: [], excused: [] };
  await Promise.all(
    pairs.map(async ({ from, to }) => {
      const wrong = await tryPair(cluster, session, from.host, to.host);
      if (wrong === undefined) return;
      await pause(NOTICED);
      const after = await sight(cluster, [from, to]);
      const why = [from, to].flatMap(({ host, containerId: id }) => {
        const happened = excuse(before.get(id!)!, after.get(id!));
        return happened ? [`${host}: ${happened}`] : [];
      });
      const line = `${session.id} (${session.clusterMode}) ${from.host} to ${to.host}: ${wrong}`;
      if (why.length > 0) trial.excused.push(`${line} (${why.join(", ")})`);
      else trial.broken.push(line);
    }),
  );
  return trial;
}

/** States by containerId; without containers that their engine does not know. */
export async function sight(
  { lab }: Cluster,
  containers: readonly Container[],
): Promise<Map<string, Sighting>> {
  const seen = await Promise.all(
    containers.map(async ({ node, containerId: id }) => {
      const docker = lab.hosts.find(({ name }) => name === node)?.docker;
      const found = id === null ? undefined : await docker?.getContainer(id).inspect().catch(unknown);
      if (!found) return [];
      return [{ id: id!, up: found.State.Running, startedAt: Date.parse(found.State.StartedAt) }];
    }),
  );
  return new Map(seen.flat().map((each) => [each.id, each]));
}

function unknown(error: Error & { statusCode?: number }): undefined {
  if (error.statusCode !== 404) throw error;
}

/** The failure; undefined: none. */
async function tryPair(
  cluster: Cluster,
  session: Session,
  from: string,
  to: string,
): Promise<string | undefined> {
  const script = `ping -c 1 -W 5 ${to} >/dev/null || echo no ping; timeout 20 ssh ${to} hostname`;
  const said = await cluster.exec(session, from, ["sh", "-c", script]).catch((error: Error) => ({
    stdout: "",
    stderr: error.message,
  }));
  if (said.stdout.trim() === to) return undefined;
  return `${said.stdout}${said.stderr}`.trim().replaceAll("\n", "; ") || "no answer";
}
