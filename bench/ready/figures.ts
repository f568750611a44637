/** Medians and ranges of what the rounds measured. Pure. */
import type { Marks } from "./contender.ts";

/** Milliseconds. */
export interface Figure {
  median: number;
  min: number;
  max: number;
}

export function figureOf(values: readonly number[]): Figure {
  const sorted = values.toSorted((a, b) => a - b);
  const [low, high] = [Math.floor((sorted.length - 1) / 2), Math.ceil((sorted.length - 1) / 2)];
  return { median: (sorted[low]! + sorted[high]!) / 2, min: sorted[0]!, max: sorted.at(-1)! };
}

/** How long it took from each mark to the next (the first: from the request), in the order of the marks. */
export function stepsOf(rounds: readonly Marks[]): Record<string, Figure> {
  const names = Object.keys(rounds[0]!);
  return Object.fromEntries(
    names.map((name, i) => {
      const before = i === 0 ? undefined : names[i - 1]!;
      return [name, figureOf(rounds.map((marks) => marks[name]! - (before ? marks[before]! : 0)))];
    }),
  );
}
