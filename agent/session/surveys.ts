/** What SSH and launchers need to know about images. Each image is looked at once. */

import type { FilePath } from "../../shared/frameworks/host-files.ts";
import type { DockerPort } from "../docker/port.ts";
import { type Vacant, vacancyOf } from "../frameworks/launcher-files.ts";
import { containerFiles } from "../ssh/archive.ts";
import { type ContainerFiles, type Survey, survey } from "../ssh/survey.ts";

/** How many results stay in memory. The oldest goes first. */
const MOST = 256;

export class Surveys {
  readonly #docker: DockerPort;
  readonly #surveys = new Map<string, Promise<Survey>>();
  readonly #vacancies = new Map<string, Promise<Vacant | undefined>>();

  constructor(docker: DockerPort) {
    this.#docker = docker;
  }

  /** `home` is its variable HOME. `container` is a new container of the image, in which nothing was changed yet. */
  of(imageId: string, user: string, home: string | undefined, container: string): Promise<Survey> {
    const key = JSON.stringify([imageId, user, home]);
    return once(this.#surveys, key, () => survey(this.#files(container), user, home));
  }

  /** Which of these files the image leaves room for. `container` as above. */
  async vacant(imageId: string, paths: readonly FilePath[], container: string): Promise<Vacant[]> {
    const found = await Promise.all(
      paths.map((path) =>
        once(this.#vacancies, `${imageId} ${path}`, () =>
          vacancyOf(this.#files(container), (at) => this.#docker.headArchive(container, at), path),
        ),
      ),
    );
    return found.filter((each) => each !== undefined);
  }

  #files(container: string): ContainerFiles {
    return containerFiles(
      (path) => this.#docker.getArchive(container, path),
      (path) => this.#docker.headArchive(container, path),
    );
  }
}

function once<T>(known: Map<string, Promise<T>>, key: string, look: () => Promise<T>): Promise<T> {
  const before = known.get(key);
  if (before) return before;
  const made = look();
  known.set(key, made);
  made.catch(() => known.delete(key));
  const oldest = known.keys().next();
  if (known.size > MOST && !oldest.done) known.delete(oldest.value);
  return made;
}
