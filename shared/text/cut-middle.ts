/** Shortens long texts for people. */

/** At most `most` UTF-16 units: the start and the end stay, since a message has its subject in front and its cause at the end. */
export function cutMiddle(text: string, most: number): string {
  if (text.length <= most) return text;
  if (most <= 1) return "…".slice(0, Math.max(0, most));
  const front = Math.ceil((most - 1) / 2);
  const back = most - 1 - front;
  // Half a surrogate pair is not valid text.
  return `${text.slice(0, front).replace(/[\uD800-\uDBFF]$/, "")}…${text.slice(text.length - back).replace(/^[\uDC00-\uDFFF]/, "")}`;
}
