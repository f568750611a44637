/**
 * The images of a node. A missing image is pulled, once for all that wait for it. A private one is checked at its registry each time, with the
 * project's own credentials. Where the engine has it, that compares digests, and downloads nothing (docs/security.md).
 */
import type { Registry } from "../../shared/protocol/protocol.ts";
import { namedHost, registryOf } from "../../shared/request/registry.ts";
import { rejectionOf } from "../rejection-of.ts";
import type { DockerPort, Image } from "./port.ts";
import type { PrivateImages } from "./private-images.ts";

/** An image that is not here and cannot be pulled, or that may not be used. The message is for people. */
export class ImageError extends Error {
  override readonly name = "ImageError";
}

/** An image and who asks for it. */
export interface Wanted {
  reference: string;
  /** What the API says of registries that private images come from. */
  registries: readonly Registry[];
}

interface Asked {
  reference: string;
  login: Registry["login"];
  /** It may be private: the registry has the last word. */
  isPrivate: boolean;
}

interface Pull {
  done: Promise<Image>;
  listeners: Set<(text: string) => void>;
  abort: AbortController;
}

type Privates = Pick<PrivateImages, "has" | "markImage" | "markRepository">;

export class Images {
  readonly #docker: DockerPort;
  readonly #privates: Privates;
  readonly #pulls = new Map<string, Pull>();

  constructor(docker: DockerPort, privates: Privates) {
    this.#docker = docker;
    this.#privates = privates;
  }

  /**
   * The image, pulled when the engine does not have it, or when it is private. The pull is aborted when nobody waits for it any longer.
   * @throws ImageError
   */
  async provide(wanted: Wanted, progress: (text: string) => void, signal: AbortSignal): Promise<Image> {
    const { reference } = wanted;
    const registry = wanted.registries.find(({ host }) => host === registryOf(reference));
    // Only those with the same credentials share a pull.
    const key = JSON.stringify([reference, registry?.login]);
    const here = this.#pulls.has(key) ? undefined : await this.#docker.image(reference);
    // A name without a host may be a local image's: only those that came from Docker Hub with credentials are private.
    const isNamed = registry !== undefined && namedHost(reference) !== null;
    if (here && !isNamed && !this.#privates.has(here)) return here;
    signal.throwIfAborted();
    const isPrivate = registry !== undefined || here !== undefined || this.#isMarked(reference);
    const asked = { reference, login: registry?.login, isPrivate };
    const pull = this.#pulls.get(key) ?? this.#pull(key, asked);
    const listener = (text: string) => progress(text);
    pull.listeners.add(listener);
    listener("pulling");
    try {
      return await Promise.race([pull.done, rejectionOf(signal)]);
    } finally {
      pull.listeners.delete(listener);
      if (pull.listeners.size === 0) {
        if (this.#pulls.get(key) === pull) this.#pulls.delete(key);
        pull.abort.abort(new Error("nobody waits for this pull any longer"));
      }
    }
  }

  #isMarked(reference: string): boolean {
    return this.#privates.has({ id: "", names: [reference] });
  }

  #pull(key: string, asked: Asked): Pull {
    const listeners: Pull["listeners"] = new Set();
    const abort = new AbortController();
    const tell = (text: string) => {
      for (const listener of listeners) listener(text);
    };
    const done = this.#pulled(asked, tell, abort.signal).catch((error: Error) => {
      throw new ImageError(`${whyNot(asked)}: ${error.message}`);
    });
    done.catch(() => {});
    const pull = { done, listeners, abort };
    this.#pulls.set(key, pull);
    return pull;
  }

  async #pulled(
    { reference, login, isPrivate }: Asked,
    tell: (text: string) => void,
    signal: AbortSignal,
  ): Promise<Image> {
    // First: from the moment that the engine has the image, others may ask for it.
    if (login) await this.#privates.markRepository(reference);
    if (isPrivate && reference.includes("@")) await this.#docker.askRegistry(reference, login);
    await this.#docker.pull(reference, login, tell, signal);
    const image = await this.#docker.image(reference);
    if (!image) throw new Error("it is not there after the pull");
    if (login) await this.#privates.markImage(image.id);
    return image;
  }
}

/** The beginning of the reason why it cannot be used. */
function whyNot({ reference, login, isPrivate }: Asked): string {
  const host = registryOf(reference);
  if (login) return `image ${reference} cannot be pulled with the project's credentials for ${host}`;
  if (!isPrivate) return `image ${reference} is not on this node and cannot be pulled`;
  return `image ${reference} is private, and cannot be pulled without credentials; the project has none for ${host} (skein registry login ${host})`;
}
