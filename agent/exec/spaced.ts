/** Work in its order, with pauses where there is much of it. */
export type Spaced = (work: () => void) => void;

/** `atOnce` of them without a pause, and one more each `ms`. A turn that nobody took comes back after that time, too. */
export function spaced(ms: number, atOnce: number): Spaced {
  // When all who came so far would have had their turn, one each `ms`.
  let due = 0;
  return (work) => {
    const now = performance.now();
    due = Math.max(due, now);
    const wait = due - now - (atOnce - 1) * ms;
    due += ms;
    if (wait <= 0) work();
    else setTimeout(work, wait);
  };
}
