/**
 * Which images of this node are private: those of repositories that were pulled from with credentials. They are remembered on the disk, before
 * the engine has anything of them: an image that the engine has does not say how it came.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { repositoryOf } from "../../shared/request/registry.ts";
import { saveFile } from "../save-file.ts";
import type { Image } from "./port.ts";

const FILE = "private-images.json";

const Stored = z.object({ repositories: z.array(z.string()), images: z.array(z.string()) });

export class PrivateImages {
  readonly #dir: string;
  readonly #repositories: Set<string>;
  /** Ids: an image may have lost its names, when another one got its tag. */
  readonly #images: Set<string>;
  /** One write at a time. */
  #writing: Promise<void> = Promise.resolve();

  private constructor(dir: string, { repositories, images }: z.infer<typeof Stored>) {
    this.#dir = dir;
    this.#repositories = new Set(repositories);
    this.#images = new Set(images);
  }

  /**
   * Those of a state directory. `isHere` says whether the engine has the image of an id: others are forgotten.
   * @throws Error if the file cannot be read: without it, private images would count as public
   */
  static async open(dir: string, isHere: (id: string) => Promise<boolean>): Promise<PrivateImages> {
    const { repositories, images } = await readStored(join(dir, FILE));
    const here = await Promise.all(images.map(isHere));
    return new PrivateImages(dir, { repositories, images: images.filter((_, at) => here[at]) });
  }

  has({ id, names }: Pick<Image, "id" | "names">): boolean {
    return this.#images.has(id) || names.some((name) => this.#repositories.has(repositoryOf(name)));
  }

  /** Before the first pull from there with credentials. */
  async markRepository(reference: string): Promise<void> {
    await this.#mark(this.#repositories, repositoryOf(reference));
  }

  /** After each such pull. */
  async markImage(id: string): Promise<void> {
    await this.#mark(this.#images, id);
  }

  async #mark(set: Set<string>, mark: string): Promise<void> {
    set.add(mark);
    this.#writing = this.#writing
      .catch(() => {})
      .then(() =>
        saveFile(this.#dir, FILE, { repositories: [...this.#repositories], images: [...this.#images] }),
      );
    await this.#writing;
  }
}

async function readStored(path: string): Promise<z.infer<typeof Stored>> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return { repositories: [], images: [] };
    throw error;
  }
  try {
    return Stored.parse(JSON.parse(text));
  } catch (error) {
    throw new Error(
      `${path} cannot be read: it says which of the engine's images are private. Remove it, and those images with it`,
      { cause: error },
    );
  }
}
