/** How much was copied, on stderr where it is a terminal. */
import { TerminalBlock } from "../terminal-block.ts";
import { text } from "../terminal-text.ts";

/** How often it is drawn. */
const EVERY_MS = 100;

export function byteCounter(what: string): { count(bytes: number): void; end(): void } {
  const block = TerminalBlock.on("stderr");
  let drawnAt = 0;
  return {
    count(bytes) {
      const now = performance.now();
      if (!block || now - drawnAt < EVERY_MS) return;
      drawnAt = now;
      block.draw([text`${what}: ${sizeOf(bytes)}`]);
    },
    end: () => block?.clear(),
  };
}

/** `1.5 MiB`. */
export function sizeOf(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  const at = Math.min(units.length - 1, bytes === 0 ? 0 : Math.floor(Math.log2(bytes) / 10));
  return `${(bytes / 1024 ** at).toFixed(at === 0 ? 0 : 1)} ${units[at]}`;
}
