/** Image registries: whose host an image's name names, and the credentials that a project has for one. */
import { z } from "zod";
import { Time } from "../text/text-schemas.ts";

/** What names without a host mean. */
const DOCKER_HUB = "docker.io";

/**
 * The first part of a name is a host where it has a dot or a colon, or is `localhost` (distribution/reference, as engines read names). Null:
 * the name names none, so it is a local image's, or Docker Hub's.
 */
export function namedHost(image: string): string | null {
  const [first, ...rest] = image.split("/");
  if (rest.length === 0 || !(/[.:]/.test(first!) || first!.toLowerCase() === "localhost")) return null;
  const host = first!.toLowerCase();
  return host === "index.docker.io" ? DOCKER_HUB : host;
}

/** The registry that an engine asks for the image. */
export function registryOf(image: string): string {
  return namedHost(image) ?? DOCKER_HUB;
}

/** An image's repository, written in one way: `debian:12` → `docker.io/library/debian`. */
export function repositoryOf(image: string): string {
  const host = registryOf(image);
  const path = namedHost(image) === null ? image : image.slice(image.indexOf("/") + 1);
  const name = path.replace(/@.*$/, "").replace(/:[^/]*$/, "");
  return `${host}/${host === DOCKER_HUB && !name.includes("/") ? `library/${name}` : name}`;
}

/** A registry as image names write it. */
export const RegistryHost = z
  .string()
  .max(255)
  .regex(
    /^(?=.*[.:]|localhost$)[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:\d{1,5})?$/,
    "must be a registry's host as image names write it, in lower case: ghcr.io, or registry.example:5000",
  )
  .transform((host) => registryOf(`${host}/`));

/** RFC 7617: a colon would end the user name. */
const UserName = z
  .string()
  .max(256)
  .regex(/^[^:\p{Cc}\p{Cs}]+$/u, "must be a user name: no colon, no control character");

export const RegistryRequest = z
  .strictObject({
    username: UserName.meta({ description: "Who the registry is asked as", example: "robot" }),
    password: z
      .string()
      .max(16_384)
      .regex(/^[^\p{Cc}\p{Cs}]+$/u, "must be one line of text")
      .meta({ description: "Its password, or a token that the registry takes as one", example: "s3cret" }),
  })
  .meta({ id: "RegistryRequest" });

export const RegistryView = z
  .object({
    host: z.string().meta({ description: "The registry", example: "registry.example:5000" }),
    username: z.string().meta({ description: "Who it is asked as", example: "robot" }),
    updatedAt: Time.meta({ description: "When the credentials were stored" }),
  })
  .meta({
    id: "Registry",
    description: "A project's credentials for a registry. The password is never shown",
  });
export type RegistryView = z.infer<typeof RegistryView>;
