/**
 * Bounds how fast messages go to a browser's WebSocket. A browser grants no credit, and workerd does not show how much of what was sent is
 * still in its memory (cloudflare/workerd#988). So who prints without end to a browser that does not read fills it no faster than this.
 */
const BYTES_PER_SECOND = 4 * 1024 * 1024;
/** As much at once. */
const BURST_BYTES = 16 * 1024 * 1024;

export class Pace {
  /** When all that was sent so far would be through, ms since 1970. */
  #through = 0;

  /** Waits after so many bytes, if they came too fast. */
  async after(bytes: number): Promise<void> {
    const now = Date.now();
    this.#through = Math.max(this.#through, now) + (bytes * 1000) / BYTES_PER_SECOND;
    const ahead = this.#through - now - (BURST_BYTES * 1000) / BYTES_PER_SECOND;
    if (ahead > 0) await new Promise((resolve) => setTimeout(resolve, ahead));
  }
}
