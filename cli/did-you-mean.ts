/** Suggestions for a mistyped word. */
import { distance } from "fastest-levenshtein";

/** The nearest of these words, if it is near: at most a third of its letters are wrong, and two at least may be. */
export function nearest(word: string, words: readonly string[]): string | undefined {
  const [best] = words
    .map((candidate) => ({ candidate, edits: distance(word, candidate) }))
    .filter(({ candidate, edits }) => edits <= Math.max(2, candidate.length / 3) && edits < candidate.length)
    .sort((a, b) => a.edits - b.edits);
  return best?.candidate;
}

/** ` (did you mean X?)`, or nothing. */
export function didYouMean(word: string, words: readonly string[]): string {
  const found = nearest(word, words);
  return found === undefined ? "" : ` (did you mean ${found}?)`;
}
