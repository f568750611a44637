/** What a signed token says of its bearer. */
import { z } from "zod";
import { DnsLabel } from "../request/text-schemas.ts";
import { ROLES } from "./access.ts";

/** What is signed in a token. */
export const TokenClaims = z.strictObject({
  id: z.string().regex(/^tok_[0-7][0-9a-hjkmnp-tv-z]{25}$/),
  project: DnsLabel,
  role: z.enum(ROLES),
  /** Seconds since 1970: from then on it is void. */
  exp: z.int().min(0),
});
export type TokenClaims = z.infer<typeof TokenClaims>;
