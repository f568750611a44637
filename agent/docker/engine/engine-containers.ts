/** Containers, from their creation to their removal. */
import type Docker from "dockerode";
import type { DockerPort } from "../port.ts";
import { answer, inBody, unless } from "./engine-answer.ts";

type Containers = Pick<
  DockerPort,
  "containers" | "container" | "configOf" | "createContainer" | "start" | "stop" | "kill" | "remove"
>;

function labelFilter(labels: Record<string, string>): string[] {
  return Object.entries(labels).map(([name, value]) => `${name}=${value}`);
}

/** `newcomer` opens a new connection for each request. */
export function containersOf(docker: Docker, newcomer: Docker): Containers {
  return {
    async containers(labels) {
      const found = await answer(
        docker.listContainers({ all: true, filters: { label: labelFilter(labels) } }),
      );
      return found.map(({ Id, Labels, State }) => ({ id: Id, labels: Labels, running: State === "running" }));
    },

    async container(id) {
      const found = await unless([404], docker.getContainer(id).inspect());
      if (!found) return undefined;
      const { Running, Status, StartedAt, FinishedAt, ExitCode, OOMKilled, Error: error } = found.State;
      return {
        id: found.Id,
        labels: found.Config.Labels,
        status: Running ? "running" : Status === "created" ? "created" : "ended",
        startedAt: Date.parse(StartedAt),
        finishedAt: Date.parse(FinishedAt),
        exitCode: ExitCode,
        oomKilled: OOMKilled,
        error,
      };
    },

    async configOf(id) {
      const { User, WorkingDir } = (await answer(docker.getContainer(id).inspect())).Config;
      return { user: User, workdir: WorkingDir || "/" };
    },

    async createContainer(name, body) {
      return (await answer(docker.createContainer(inBody(body, { name }) as object))).id;
    },

    async start(id) {
      // 304: it is running already.
      await unless([304], newcomer.getContainer(id).start());
    },

    async stop(id, seconds) {
      await unless([304, 404], docker.getContainer(id).stop({ t: seconds }));
    },

    async kill(id) {
      // 409: it is not running.
      await unless([404, 409], docker.getContainer(id).kill());
    },

    async remove(id) {
      // 409: it is being removed.
      await unless([404, 409], docker.getContainer(id).remove({ force: true, v: true }));
    },
  };
}
