/** Images, and the registries that they come from. */
import type { Readable } from "node:stream";
import type Docker from "dockerode";
import { registryOf } from "../../../shared/request/registry.ts";
import type { DockerPort, Image, Login } from "../port.ts";
import { followPull } from "../pull.ts";
import { answer, unless } from "./engine-answer.ts";

/** As a header (X-Registry-Auth), not in the query, which engines log. */
function authOf(reference: string, login: Login | undefined): { authconfig?: Docker.AuthConfig } {
  return login ? { authconfig: { ...login, serveraddress: registryOf(reference) } } : {};
}

type Images = Pick<DockerPort, "image" | "askRegistry" | "pull">;

export function imagesOf(docker: Docker): Images {
  return {
    async image(reference): Promise<Image | undefined> {
      const found = await unless([404], docker.getImage(reference).inspect());
      if (!found) return undefined;
      const entrypoint = found.Config.Entrypoint ?? [];
      return {
        id: found.Id,
        names: [...(found.RepoTags ?? []), ...(found.RepoDigests ?? [])],
        entrypoint: typeof entrypoint === "string" ? [entrypoint] : entrypoint,
        env: found.Config.Env ?? [],
        user: found.Config.User ?? "",
      };
    },

    async askRegistry(reference, login) {
      await answer(docker.getImage(reference).distribution(authOf(reference, login)));
    },

    async pull(reference, login, progress, signal) {
      const options = { abortSignal: signal, ...authOf(reference, login) };
      const stream = await answer(docker.pull(reference, options) as Promise<Readable>);
      await followPull(stream, progress, signal);
    },
  };
}
