/**
 * Makes text that a node, an image, a container or a user wrote harmless for terminals and logs. It stays readable: what a terminal would act
 * on becomes a visible sign of itself.
 */

/**
 * Control characters (C0, DEL, C1), bidirectional marks, embeddings, overrides and isolates (UAX #9), and Unicode's own line and paragraph
 * ends. An escape sequence begins with one of them, so the rest of it is plain text afterwards.
 */
const ACTS_ON_TERMINALS = /[\p{Cc}\p{Bidi_Control}\p{Zl}\p{Zp}]/gu;

/** For one line: also line ends and tabs become visible, so that a value cannot pretend to be two lines or two columns. */
export function clean(text: string): string {
  return text.replace(ACTS_ON_TERMINALS, visible);
}

/** For a block of lines: line ends and tabs stay. */
export function cleanBlock(text: string): string {
  return text
    .replaceAll("\r\n", "\n")
    .replace(ACTS_ON_TERMINALS, (char) => (char === "\n" || char === "\t" ? char : visible(char)));
}

/** For JSON text: the same characters as `\uXXXX`, which means the same to a parser. */
export function cleanJson(json: string): string {
  return json.replace(
    ACTS_ON_TERMINALS,
    (char) => `\\u${char.codePointAt(0)!.toString(16).padStart(4, "0")}`,
  );
}

/** ESC → `␛`, DEL → `␡` (the block Control Pictures), U+202E → `\u{202e}`. */
function visible(char: string): string {
  const code = char.codePointAt(0)!;
  if (code < 0x20) return String.fromCodePoint(0x2400 + code);
  return code === 0x7f ? "\u2421" : `\\u{${code.toString(16)}}`;
}
