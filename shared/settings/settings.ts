/** Every number and address range that an installation may choose, in one table. */

import { parseCidr } from "../network/ipv4.ts";
import { CONSTANTS } from "./constants.ts";

/** A row of the table; `min` and `max` belong to the range. */
export type Setting = { about: string } & (
  | { default: number; unit: string; min: number; max: number }
  /** An address range in CIDR notation; from `/min` (largest) to `/max` (smallest). */
  | { default: string; unit: "CIDR"; min: number; max: number }
);

/** docs/settings.md is this table; a test keeps them alike. Add a row, and `SETTINGS.name` is there. */
export const SETTINGS_TABLE = {
  addressPool: {
    default: "10.64.0.0/12",
    unit: "CIDR",
    min: 8,
    max: 21,
    about:
      "Session subnets are cut from here. Choose what your nodes do not route; it lies apart from Docker's own pools.",
  },
  vniBase: {
    default: 0x800000,
    unit: "VNI",
    min: 1,
    max: 0xffffff,
    about:
      "First VNI used: the upper half of the 24-bit space (RFC 7348), away from what others number from 1.",
  },
  vniCount: {
    default: 0x7fffff,
    unit: "VNIs",
    min: 1,
    max: 0xffffff,
    about: "How many VNIs may be used, from `VNI_BASE` on; the space ends at 16777215.",
  },
  vxlanPort: {
    default: 14789,
    unit: "UDP port",
    min: 1,
    max: 65535,
    about: "VXLAN's port between nodes, of sessions begun from then on. Not 4789 or 8472: others use those.",
  },
  maxContainers: {
    default: CONSTANTS.maxContainers,
    unit: "containers",
    min: 1,
    max: CONSTANTS.maxContainers,
    about: "Containers in one session (`too_many_containers`).",
  },
  maxLiveSessions: {
    default: 10_000,
    unit: "sessions",
    min: 1,
    max: 1_000_000,
    about: "Live sessions of one project, waiting ones included (`too_many_live_sessions`).",
  },
  maxLiveContainers: {
    default: 100_000,
    unit: "containers",
    min: 1,
    max: 10_000_000,
    about: "Containers of one project's live sessions in all (`too_many_live_containers`).",
  },
  requestsPerMinute: {
    default: 6000,
    unit: "requests",
    min: 1,
    max: 10_000_000,
    about: "What one token may ask in the long run (`rate_limited`).",
  },
  requestBurst: {
    default: 2000,
    unit: "requests",
    min: 1,
    max: 10_000_000,
    about: "What one token may ask at once, after a rest (`rate_limited`).",
  },
  maxBodyBytes: {
    default: 1024 * 1024,
    unit: "bytes",
    min: 1024,
    max: 16 * 1024 * 1024,
    about: "Of one request's body (`body_too_large`).",
  },
  // One node may be told all of it in one frame, of 32 MiB at most, together with 1,024 times the list of hosts
  // (21 KiB where names are long): so the default is also the most.
  maxSessionBytes: {
    default: 8 * 1024 * 1024,
    unit: "bytes",
    min: 1024,
    max: 8 * 1024 * 1024,
    about:
      "JSON of env, command, entrypoint, mounts and devices over all containers of one session (`session_too_large`).",
  },
  joinTokenSeconds: {
    default: 3600,
    unit: "seconds",
    min: 1,
    max: 30 * 24 * 3600,
    about: "How long a join token can be used.",
  },
  tokenSeconds: {
    default: 30 * 24 * 3600,
    unit: "seconds",
    min: 1,
    max: 365 * 24 * 3600,
    about: "How long a token is good where its maker does not say, but never past `MAX_TOKEN_SECONDS`.",
  },
  maxTokenSeconds: {
    default: 365 * 24 * 3600,
    unit: "seconds",
    min: 1,
    max: 365 * 24 * 3600,
    about: "The most that its maker may say.",
  },
  auditChanges: {
    default: 100_000,
    unit: "entries",
    min: 1,
    max: 10_000_000,
    about: "Changes that the audit log keeps, the latest.",
  },
  idempotencySeconds: {
    default: 24 * 3600,
    unit: "seconds",
    min: 1,
    max: 30 * 24 * 3600,
    about: "How long an Idempotency-Key is remembered.",
  },
  nodeLeaseSeconds: {
    default: 60,
    unit: "seconds",
    min: 5,
    max: 24 * 3600,
    about:
      "A node that was not heard of for so long is lost: its sessions fail, or carry on with `onNodeLoss`.",
  },
  queuePatienceSeconds: {
    default: 300,
    unit: "seconds",
    min: 0,
    max: 30 * 24 * 3600,
    about:
      "How long a session that waits for room may be overtaken by later ones that fit; after that, the nodes it could use are kept for it. 0: never.",
  },
  prepareSeconds: {
    default: 1800,
    unit: "seconds",
    min: 1,
    max: 24 * 3600,
    about: "How long the nodes of a session may take to pull images and make containers.",
  },
  prepareQuietSeconds: {
    default: 300,
    unit: "seconds",
    min: 1,
    max: 24 * 3600,
    about: "How long that may go without a word of progress from any node.",
  },
  startSeconds: {
    default: 600,
    unit: "seconds",
    min: 1,
    max: 24 * 3600,
    about:
      "How long the nodes of a session may take to start its containers, prove its network and SSH, and open the gates.",
  },
  removeSeconds: {
    default: 300,
    unit: "seconds",
    min: 1,
    max: 24 * 3600,
    about:
      "How long the end of a session waits for nodes whose link is up; what they hold stays reserved until they are done.",
  },
  removalGraceSeconds: {
    default: 30,
    unit: "seconds",
    min: 0,
    max: 24 * 3600,
    about: "How long the end of a session waits for nodes whose link is down.",
  },
  maxEpochs: {
    default: 5,
    unit: "plans",
    min: 1,
    max: 100,
    about: "How often a session's plan is made before its networks are said not to work out.",
  },
} as const satisfies Record<string, Setting>;

export type SettingName = keyof typeof SETTINGS_TABLE;

/** A value for each row. */
export type Settings = {
  -readonly [N in SettingName]: (typeof SETTINGS_TABLE)[N]["default"] extends number ? number : string;
};

/** The values in use: the defaults, until `applySettings` is called, once, before anything else reads them. */
export const SETTINGS: Readonly<Settings> = Object.fromEntries(
  Object.entries(SETTINGS_TABLE).map(([name, row]) => [name, row.default]),
) as Settings;

/** A value that cannot be used: the message names the setting and what it may be. */
export class SettingError extends Error {}

/** `maxBodyBytes` → `MAX_BODY_BYTES`: how `skein serve --set` spells it. */
export function outerName(name: SettingName): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase();
}

/** `maxBodyBytes` → `SKEIN_MAX_BODY_BYTES`: the worker's variable. */
export function variableOf(name: SettingName): string {
  return `SKEIN_${outerName(name)}`;
}

export const SETTING_NAMES = Object.keys(SETTINGS_TABLE) as SettingName[];

/** `a whole number from 1 to 1024`, `an IPv4 range from /8 to /21`. */
export function rangeText({ unit, min, max }: Setting): string {
  return unit === "CIDR" ? `an IPv4 range from /${min} to /${max}` : `a whole number from ${min} to ${max}`;
}

/** What a text says for a setting. @throws SettingError */
export function settingValue(name: SettingName, text: string): number | string {
  const row: Setting = SETTINGS_TABLE[name];
  if (row.unit === "CIDR" ? isCidr(text, row) : isWhole(text, row)) {
    return row.unit === "CIDR" ? text : Number(text);
  }
  const shown = text.length > 64 ? `${text.slice(0, 63)}…` : text;
  throw new SettingError(
    `${outerName(name)} must be ${rangeText(row)} (${row.unit}), not ${shown || "empty"}`,
  );
}

/** Takes the values over. Call it once, at the start of the program. */
export function applySettings(values: Partial<Settings>): void {
  Object.assign(SETTINGS, values);
}

function isWhole(text: string, { min, max }: Setting): boolean {
  return /^\d{1,15}$/.test(text) && Number(text) >= min && Number(text) <= max;
}

function isCidr(text: string, { min, max }: Setting): boolean {
  const prefix = Number(/^[\d.]+\/(\d{1,2})$/.exec(text)?.[1] ?? Number.NaN);
  return parseCidr(text) !== undefined && prefix >= min && prefix <= max;
}
