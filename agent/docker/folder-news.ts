/**
 * Waits until something changes in a folder of the engine. A quiet folder costs nothing. A busy one is looked at now and then instead: the
 * kernel has a word for each write, and there may be a million in a second.
 */
import { type FSWatcher, watch } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";

/** What comes within this time is read at once. */
const GATHER_MS = 10;
const BUSY_MS = 20;
/** Between looks at a folder that cannot be watched. */
const UNWATCHED_MS = 250;
/** So much at a time makes it busy, and nothing makes it quiet. */
const BUSY_BYTES = 64 * 1024;

export class FolderNews {
  readonly #dir: string;
  readonly #stop: AbortSignal;
  #watcher: FSWatcher | undefined;
  #isBusy = false;
  #news = Promise.withResolvers<void>();
  #mayBeRenamed = true;

  /** `stop` ends each wait. */
  constructor(dir: string, stop: AbortSignal) {
    this.#dir = dir;
    this.#stop = stop;
    stop.addEventListener("abort", () => this.#news.resolve());
  }

  /** What happens from now on is news. Whether files may have been renamed since the last look. */
  look(): boolean {
    const mayBe = this.#mayBeRenamed || !this.#watcher;
    this.#mayBeRenamed = false;
    if (!this.#stop.aborted) this.#news = Promise.withResolvers<void>();
    return mayBe;
  }

  /** The next look says again that files may have been renamed. */
  recheck(): void {
    this.#mayBeRenamed = true;
  }

  /** Resolves when there may be news since the last look, in which so many bytes were read. */
  async wait(bytes: number): Promise<void> {
    if (bytes >= BUSY_BYTES) this.#isBusy = true;
    else if (bytes === 0) this.#isBusy = false;
    if (this.#isBusy) {
      this.close();
      return await this.#pause(BUSY_MS);
    }
    // What changed before it watches shows in the next look.
    if (!this.#watcher) return this.#watch() ? undefined : await this.#pause(UNWATCHED_MS);
    await this.#news.promise;
    await this.#pause(GATHER_MS);
  }

  close(): void {
    this.#watcher?.close();
    this.#watcher = undefined;
  }

  async #pause(ms: number): Promise<void> {
    await delay(ms, undefined, { signal: this.#stop }).catch(() => {});
  }

  /** False if the kernel refuses: as many folders are watched as may be (`fs.inotify.max_user_watches`), or this one is gone. */
  #watch(): boolean {
    this.#mayBeRenamed = true;
    const changed = (type: string) => {
      if (type === "rename") this.#mayBeRenamed = true;
      this.#news.resolve();
    };
    try {
      this.#watcher = watch(this.#dir, { persistent: false }, changed).on("error", () => this.#lost());
      return true;
    } catch {
      return false;
    }
  }

  #lost(): void {
    this.close();
    this.#news.resolve();
  }
}
