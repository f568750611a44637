/** The claims of a signed token. */
import { z } from "zod";
import { DnsLabel } from "../text/text-schemas.ts";
import { ROLES } from "./access.ts";

/** The signed content of a token. */
export const TokenClaims = z.strictObject({
  id: z.string().regex(/^tok_[0-7][0-9a-hjkmnp-tv-z]{25}$/),
  project: DnsLabel,
  role: z.enum(ROLES),
  /** Seconds since 1970: void from then on. */
  exp: z.int().min(0),
});
export type TokenClaims = z.infer<typeof TokenClaims>;
