/** The images of a node. A missing image is pulled, once for all that wait for it. */
import type { DockerPort, Image } from "./port.ts";

/** An image that is not here and cannot be pulled. The message is for people. */
export class ImageError extends Error {
  override readonly name = "ImageError";
}

interface Pull {
  done: Promise<Image>;
  listeners: Set<(text: string) => void>;
  abort: AbortController;
}

export class Images {
  readonly #docker: DockerPort;
  readonly #pulls = new Map<string, Pull>();

  constructor(docker: DockerPort) {
    this.#docker = docker;
  }

  /** The image, pulled when the engine does not have it. The pull is aborted when nobody waits for it any longer. */
  async provide(reference: string, progress: (text: string) => void, signal: AbortSignal): Promise<Image> {
    const here = this.#pulls.has(reference) ? undefined : await this.#docker.image(reference);
    if (here) return here;
    signal.throwIfAborted();
    const pull = this.#pulls.get(reference) ?? this.#pull(reference);
    const listener = (text: string) => progress(text);
    pull.listeners.add(listener);
    listener("pulling");
    try {
      return await Promise.race([pull.done, rejectionOf(signal)]);
    } finally {
      pull.listeners.delete(listener);
      if (pull.listeners.size === 0) {
        if (this.#pulls.get(reference) === pull) this.#pulls.delete(reference);
        pull.abort.abort(new Error("nobody waits for this pull any longer"));
      }
    }
  }

  #pull(reference: string): Pull {
    const listeners: Pull["listeners"] = new Set();
    const abort = new AbortController();
    const tell = (text: string) => {
      for (const listener of listeners) listener(text);
    };
    const done = this.#docker
      .pull(reference, tell, abort.signal)
      .then(() => this.#docker.image(reference))
      .then((image) => {
        if (!image) throw new Error("it is not there after the pull");
        return image;
      })
      .catch((error) => {
        throw new ImageError(`image ${reference} is not on this node and cannot be pulled: ${error.message}`);
      });
    done.catch(() => {});
    const pull = { done, listeners, abort };
    this.#pulls.set(reference, pull);
    return pull;
  }
}

function rejectionOf(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}
