/** A small, fast hash of text, for dealing things out evenly. Not for secrets. */

/**
 * FNV-1a (32 bits) over the text's UTF-16 code units, then MurmurHash3's finalizer: without that, ids that differ only in their last
 * character would come out close together. A whole number below 2^32.
 */
export function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
