/** What SSH needs to know about images. Each image and user is looked at once. */
import type { DockerPort } from "../docker/port.ts";
import { containerFiles } from "../ssh/archive.ts";
import { type Survey, survey } from "../ssh/survey.ts";

/** How many results stay in memory. The oldest goes first. */
const MOST = 256;

export class Surveys {
  readonly #docker: DockerPort;
  readonly #known = new Map<string, Promise<Survey>>();

  constructor(docker: DockerPort) {
    this.#docker = docker;
  }

  /** `container` is a new container of the image, in which nothing was changed yet. */
  of(imageId: string, user: string, container: string): Promise<Survey> {
    const key = `${imageId} ${user}`;
    const known = this.#known.get(key);
    if (known) return known;
    const files = containerFiles(
      (path) => this.#docker.getArchive(container, path),
      (path) => this.#docker.headArchive(container, path),
    );
    const made = survey(files, user);
    this.#known.set(key, made);
    made.catch(() => this.#known.delete(key));
    const oldest = this.#known.keys().next();
    if (this.#known.size > MOST && !oldest.done) this.#known.delete(oldest.value);
    return made;
  }
}
