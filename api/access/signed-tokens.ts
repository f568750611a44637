/** Signed tokens: `skt_` CLAIMS `.` SIGNATURE (signed-text.ts). Checking a token needs no look-up. */

import { TokenClaims } from "../../shared/access/token.ts";
import { SkeinError } from "../../shared/errors/errors.ts";
import { type Purpose, signText, verifyText } from "./signed-text.ts";

const TOKEN: Purpose<TokenClaims> = { key: "skein signed tokens v1", prefix: "skt_", claims: TokenClaims };

export function signToken(adminToken: string, claims: TokenClaims): Promise<string> {
  return signText(adminToken, TOKEN, claims);
}

/**
 * A token's claims, if its signature is valid; undefined if it is not one of ours. `now` in ms since 1970.
 * @throws SkeinError `unauthorized` if it is ours but expired.
 */
export async function verifyToken(
  adminToken: string,
  token: string,
  now: number,
): Promise<TokenClaims | undefined> {
  const claims = await verifyText(adminToken, TOKEN, token);
  if (claims && claims.exp * 1000 <= now) {
    const when = new Date(claims.exp * 1000).toISOString();
    throw new SkeinError("unauthorized", `this token was good until ${when}: ask an admin for another`);
  }
  return claims;
}
