/** Ids: a type's prefix and a UUIDv7 (RFC 9562), so that they sort by time (typeid). */
import { typeidUnboxed } from "typeid-js";

export type IdPrefix = "flt" | "node" | "ses" | "tok";

export function newId(prefix: IdPrefix): string {
  return typeidUnboxed(prefix);
}

/** Whether it is an id, not a name. Names are DNS labels, which have no underscore. */
export function isId(prefix: IdPrefix, text: string): boolean {
  return new RegExp(`^${prefix}_[0-7][0-9a-hjkmnp-tv-z]{25}$`).test(text);
}
