/** Networks. */
import type Docker from "dockerode";
import { DockerError, type DockerPort } from "../port.ts";
import { answer, inBody, unless } from "./engine-answer.ts";

type Networks = Pick<DockerPort, "networks" | "createNetwork" | "removeNetwork">;

export function networksOf(docker: Docker): Networks {
  return {
    async networks() {
      const found = await answer(docker.listNetworks());
      return found.map(({ Id, Name, Labels, IPAM }) => ({
        id: Id,
        name: Name,
        labels: Labels ?? {},
        subnets: (IPAM?.Config ?? []).flatMap(({ Subnet }) => Subnet ?? []),
      }));
    },

    async createNetwork(body) {
      return (await answer(docker.createNetwork(inBody(body) as Docker.NetworkCreateOptions))).id;
    },

    async removeNetwork(idOrName) {
      const network = docker.getNetwork(idOrName);
      // 403: "has active endpoints".
      const isGone = async () => {
        try {
          await unless([404], network.remove());
          return true;
        } catch (error) {
          if (error instanceof DockerError && error.status === 403) return false;
          throw error;
        }
      };
      if (await isGone()) return true;
      // An engine that was stopped while it started a container keeps the endpoint of that container.
      const found = await unless([404], network.inspect());
      const endpoints: { Name: string }[] = Object.values(found?.Containers ?? {});
      for (const { Name } of endpoints)
        await unless([404], network.disconnect({ Container: Name, Force: true }));
      return await isGone();
    },
  };
}
