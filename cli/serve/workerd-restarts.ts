/** When to restart workerd after an unexpected end, and when to give up. Pure. */

/** One run of workerd, from its start to its end. */
export interface Run {
  /** How it ended, or why it could not start. */
  reason: string;
  /** How long it answered; 0 if it could not start. */
  servedMs: number;
}

/** Restart it after a pause, or give up with a message for the operator. */
export type Next = { pauseMs: number; shortRuns: number } | { giveUp: string };

/** A run that answered for less than this is short: most likely the next one will end for the same cause. */
const SHORT_MS = 2_000;

/** The pause before the next start, by the number of short runs in a row. After one more short run it gives up. */
const PAUSES_MS = [0, 0, 100, 300, 2_000];

/**
 * Too many clients ended it. They back off, so this passes. Giving up would turn a short overload into a lasting outage. So the longest
 * pause repeats.
 */
const CROWDED = /Too many open files/;

/** What to do after a run. `shortBefore`: number of short runs in a row before it, `shortRuns` of the last result. */
export function afterRun({ reason, servedMs }: Run, shortBefore: number): Next {
  const shortRuns = servedMs < SHORT_MS ? shortBefore + 1 : 0;
  const most = PAUSES_MS.length - 1;
  if (shortRuns > most && !CROWDED.test(reason)) {
    const seconds = SHORT_MS / 1000;
    return { giveUp: `${reason}; it is start ${shortRuns} in a row that lasted less than ${seconds} s` };
  }
  return { pauseMs: PAUSES_MS[Math.min(shortRuns, most)]!, shortRuns };
}
