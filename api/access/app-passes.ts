/** What opens an app at the API: a link, good for a minute and once, and the cookie that a browser gets for it. Both are signed. */
import { z } from "zod";
import { AppName } from "../../shared/apps/app-schemas.ts";
import { type Purpose, signText, verifyText } from "./signed-text.ts";
import type { HeldToken } from "./token-watch.ts";

/** One app of one session, for who made the link. */
const Pass = z.strictObject({
  app: AppName,
  /** The session's id. */
  session: z.string().max(64),
  project: z.string().max(64),
  /** The token's id, and when it expires: ms since 1970, or null. */
  actor: z.string().max(64),
  expiresAt: z.int().nullable(),
});
export type AppPass = z.infer<typeof Pass> & HeldToken;

const Link = z.strictObject({
  /** So that it can be spent. */
  id: z.string().max(64),
  /** ms since 1970. */
  until: z.int(),
  pass: Pass,
});
export type AppLink = z.infer<typeof Link>;

const LINK: Purpose<AppLink> = { key: "skein app links v1", prefix: "", claims: Link };
const COOKIE: Purpose<AppPass> = { key: "skein app cookies v1", prefix: "", claims: Pass };

export function signLink(adminToken: string, link: AppLink): Promise<string> {
  return signText(adminToken, LINK, link);
}

/** Undefined if it is none of ours, or too old. `now` in ms since 1970. */
export async function verifyLink(
  adminToken: string,
  text: string,
  now: number,
): Promise<AppLink | undefined> {
  const link = await verifyText(adminToken, LINK, text);
  return link && link.until > now && isGood(link.pass, now) ? link : undefined;
}

export function signCookie(adminToken: string, pass: AppPass): Promise<string> {
  return signText(adminToken, COOKIE, pass);
}

/** Undefined if it is none of ours, or its token has expired. `now` in ms since 1970. */
export async function verifyCookie(
  adminToken: string,
  text: string,
  now: number,
): Promise<AppPass | undefined> {
  const pass = await verifyText(adminToken, COOKIE, text);
  return pass && isGood(pass, now) ? pass : undefined;
}

function isGood({ expiresAt }: AppPass, now: number): boolean {
  return expiresAt === null || expiresAt > now;
}
