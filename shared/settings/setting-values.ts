/** Settings as text: which values each may have, and how they are read. */
import { parseCidr } from "../network/ipv4.ts";
import { outerName, SETTINGS_TABLE, type Setting, type SettingName } from "./settings.ts";

/** An invalid value. The message names the setting and its allowed values. */
export class SettingError extends Error {}

/** `a whole number from 1 to 1024`, `an IPv4 range from /8 to /21`. */
export function rangeText({ unit, min, max }: Setting): string {
  if (unit === "CIDR") return `an IPv4 range from /${min} to /${max}`;
  if (unit === "domain")
    return `a domain name of at most ${max} characters${min === 0 ? ", or nothing" : ""}`;
  return `a whole number from ${min} to ${max}`;
}

/** Reads a setting's value from text. @throws SettingError */
export function settingValue(name: SettingName, text: string): number | string {
  const row: Setting = SETTINGS_TABLE[name];
  if (
    row.unit === "CIDR" ? isCidr(text, row) : row.unit === "domain" ? isDomain(text, row) : isWhole(text, row)
  )
    return typeof row.default === "string" ? text : Number(text);
  const shown = text.length > 64 ? `${text.slice(0, 63)}…` : text;
  throw new SettingError(
    `${outerName(name)} must be ${rangeText(row)} (${row.unit}), not ${shown || "empty"}`,
  );
}

function isWhole(text: string, { min, max }: Setting): boolean {
  return /^\d{1,15}$/.test(text) && Number(text) >= min && Number(text) <= max;
}

function isDomain(text: string, { min, max }: Setting): boolean {
  if (text === "") return min === 0;
  return (
    text.length <= max &&
    /^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(text)
  );
}

function isCidr(text: string, { min, max }: Setting): boolean {
  const prefix = Number(/^[\d.]+\/(\d{1,2})$/.exec(text)?.[1] ?? Number.NaN);
  return parseCidr(text) !== undefined && prefix >= min && prefix <= max;
}
