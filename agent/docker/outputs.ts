/** Where a container's output comes from: the engine's files where the agent can read them, else its API. */
import { access, constants } from "node:fs/promises";
import type { Readable } from "node:stream";
import { UnknownFormat } from "./local-entries.ts";
import type { OutputBatch, OutputOptions } from "./output.ts";
import { filesOf, readFiles } from "./output-files.ts";
import { followOutput } from "./output-follow.ts";
import { DockerError } from "./port.ts";

/** What is asked of the engine. */
export interface OutputEngine {
  /** Its folder on its machine, which may be another one. */
  root(): Promise<string>;
  isRunning(id: string): Promise<boolean>;
  /** Everything since a time in ns since 1970, and what follows. */
  follow(id: string, since: bigint, signal: AbortSignal): Promise<Readable>;
}

export class Outputs {
  readonly #engine: OutputEngine;
  #root: Promise<string> | undefined;
  /** False once they turned out to be of another format. */
  #knowsFiles = true;

  constructor(engine: OutputEngine) {
    this.#engine = engine;
  }

  /** As {@link DockerPort.output}. */
  async *read(id: string, options: OutputOptions): AsyncGenerator<OutputBatch> {
    const dir = filesOf(await this.#rootOnce(), id);
    if (this.#knowsFiles && (await isReadable(dir))) {
      try {
        return yield* readFiles(dir, options);
      } catch (error) {
        if (error instanceof UnknownFormat) this.#knowsFiles = false;
        throw new DockerError(`${dir}: ${(error as Error).message}`, undefined, { cause: error });
      }
    }
    yield* followOutput((since) => this.#engine.follow(id, since, options.signal), options);
    // An engine that stops ends its answers properly, and so may a container that runs on without it.
    if (!options.signal.aborted && (await this.#engine.isRunning(id)))
      throw new DockerError("the engine ended the output of a running container");
  }

  #rootOnce(): Promise<string> {
    this.#root ??= this.#engine.root().catch((error) => {
      this.#root = undefined;
      throw error;
    });
    return this.#root;
  }
}

async function isReadable(dir: string): Promise<boolean> {
  return await access(dir, constants.R_OK | constants.X_OK).then(
    () => true,
    () => false,
  );
}
