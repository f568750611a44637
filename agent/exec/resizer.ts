/** Resizes a terminal. While the engine is busy with one size only the newest one waits. */
import type { Attached } from "../docker/port.ts";
import type { Size } from "../kit/callers.ts";

export function resizer(attached: Pick<Attached, "resize">): (size: Size) => void {
  let wanted: Size | undefined;
  let isBusy = false;

  async function work(): Promise<void> {
    isBusy = true;
    while (wanted) {
      const { cols, rows } = wanted;
      wanted = undefined;
      // Refused when the command has ended.
      await attached.resize(cols, rows).catch(() => {});
    }
    isBusy = false;
  }

  return function resize(size: Size): void {
    wanted = size;
    if (!isBusy) void work();
  };
}
