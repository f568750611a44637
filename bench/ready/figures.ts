/** Medians and ranges of the rounds' figures. Pure. */
import type { Marks } from "./contender.ts";

/** Milliseconds. */
export interface Figure {
  median: number;
  min: number;
  max: number;
}

export function figureOf(values: readonly number[]): Figure {
  return { median: quantile(values, 0.5), min: quantile(values, 0), max: quantile(values, 1) };
}

/** Between the two nearest values in proportion (R's type 7); `q` from 0 to 1. @throws RangeError without values */
export function quantile(values: readonly number[], q: number): number {
  if (values.length === 0) throw new RangeError("no values");
  const sorted = values.toSorted((a, b) => a - b);
  const place = (sorted.length - 1) * q;
  const [below, above] = [sorted[Math.floor(place)]!, sorted[Math.ceil(place)]!];
  return below + (above - below) * (place % 1);
}

/** Time from each mark to the next (the first: from the request), in the order of the marks. */
export function stepsOf(rounds: readonly Marks[]): Record<string, Figure> {
  const names = Object.keys(rounds[0]!);
  return Object.fromEntries(
    names.map((name, i) => {
      const before = i === 0 ? undefined : names[i - 1]!;
      return [name, figureOf(rounds.map((marks) => marks[name]! - (before ? marks[before]! : 0)))];
    }),
  );
}
