/** Every number and address range that an installation may choose, in one table. */

import { CONSTANTS } from "./constants.ts";

/** A row of the table. `min` and `max` are both allowed. */
export type Setting = { about: string } & (
  | { default: number; unit: string; min: number; max: number }
  /** An address range in CIDR notation; from `/min` (largest) to `/max` (smallest). */
  | { default: string; unit: "CIDR"; min: number; max: number }
  /** A DNS name of at most `max` characters, in lower case; empty if `min` is 0. */
  | { default: string; unit: "domain"; min: number; max: number }
);

/** docs/settings.md is this table; a test compares them. A new row is a new field of `Settings`. */
export const SETTINGS_TABLE = {
  addressPool: {
    default: "10.64.0.0/12",
    unit: "CIDR",
    min: 8,
    max: 21,
    about:
      "Session subnets are cut from here. Choose a range that your nodes do not route; the default lies apart from Docker's own pools.",
  },
  vniBase: {
    default: 0x800000,
    unit: "VNI",
    min: 1,
    max: 0xffffff,
    about:
      "First VNI that may be used. The default is the upper half of the 24-bit space (RFC 7348): others count from 1.",
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
    about:
      "Port of VXLAN between nodes, for sessions that are planned from then on. Not 4789 or 8472: others use those.",
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
    about: "Requests of one token in the long run (`rate_limited`).",
  },
  requestBurst: {
    default: 2000,
    unit: "requests",
    min: 1,
    max: 10_000_000,
    about: "Requests of one token at once, after a rest (`rate_limited`).",
  },
  maxLinks: {
    default: 10_000,
    unit: "agents",
    min: 1,
    max: 1_000_000,
    about:
      "Agents connected at once to one API process (`unavailable`); `skein serve` works it out from its limit of open files.",
  },
  maxBodyBytes: {
    default: 1024 * 1024,
    unit: "bytes",
    min: 1024,
    max: 16 * 1024 * 1024,
    about: "Size of one request's body (`body_too_large`).",
  },
  // One frame for one node may have to hold all of it, with 1,024 copies of the list of hosts (up to 21 KiB each). A frame has at most 32
  // MiB, so the default is also the most.
  maxSessionBytes: {
    default: 8 * 1024 * 1024,
    unit: "bytes",
    min: 1024,
    max: 8 * 1024 * 1024,
    about:
      "JSON of env, secretEnv, command, entrypoint, mounts and devices over all containers of one session (`session_too_large`).",
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
    about: "Lifetime of a token whose maker gives none, but at most `MAX_TOKEN_SECONDS`.",
  },
  maxTokenSeconds: {
    default: 365 * 24 * 3600,
    unit: "seconds",
    min: 1,
    max: 365 * 24 * 3600,
    about: "The longest lifetime that a token's maker may give.",
  },
  auditChanges: {
    default: 100_000,
    unit: "entries",
    min: 1,
    max: 10_000_000,
    about: "Changes that the audit log keeps: the latest ones.",
  },
  auditWaysIn: {
    default: 100_000,
    unit: "entries",
    min: 1,
    max: 10_000_000,
    about: "Ways into containers (exec, ports) that the audit log keeps: the latest ones.",
  },
  idempotencySeconds: {
    default: 24 * 3600,
    unit: "seconds",
    min: 1,
    max: 30 * 24 * 3600,
    about: "How long an Idempotency-Key is remembered.",
  },
  sessionRetentionSeconds: {
    default: 7 * 24 * 3600,
    unit: "seconds",
    min: 1,
    max: 365 * 24 * 3600,
    about: "How long an ended session, with its output, can be looked up.",
  },
  logBytes: {
    default: 64 * 1024 * 1024,
    unit: "bytes",
    min: 1024 * 1024,
    max: 1024 ** 4,
    about:
      "Output that a node keeps of each container, for sessions that are planned from then on; of more, the oldest lines go.",
  },
  maxEndedSessions: {
    default: 10_000,
    unit: "sessions",
    min: 1,
    max: 1_000_000,
    about: "Ended sessions of one project that can be looked up; of more, the oldest are removed.",
  },
  nodeLeaseSeconds: {
    default: 60,
    unit: "seconds",
    min: 5,
    max: 24 * 3600,
    about: "A node that sends nothing for so long is lost: its sessions fail, or go on with `onNodeLoss`.",
  },
  queuePatienceSeconds: {
    default: 300,
    unit: "seconds",
    min: 0,
    max: 30 * 24 * 3600,
    about:
      "How long later sessions that fit may overtake one that waits for room. After that, the nodes it could use are kept for it. 0: not at all.",
  },
  prepareSeconds: {
    default: 1800,
    unit: "seconds",
    min: 1,
    max: 24 * 3600,
    about: "How long the nodes of a session may take to pull images and create containers.",
  },
  prepareQuietSeconds: {
    default: 300,
    unit: "seconds",
    min: 1,
    max: 24 * 3600,
    about: "How long pulling and creating may go on without a report of progress from any node.",
  },
  startSeconds: {
    default: 600,
    unit: "seconds",
    min: 1,
    max: 24 * 3600,
    about:
      "How long the nodes of a session may take to start its containers, prove its network and SSH, and open the gates.",
  },
  gateSeconds: {
    default: 3600,
    unit: "seconds",
    min: 1,
    max: 30 * 24 * 3600,
    about: "How long a session with a manual gate waits to be started. After that it fails.",
  },
  removeSeconds: {
    default: 300,
    unit: "seconds",
    min: 1,
    max: 24 * 3600,
    about:
      "How long the end of a session waits for connected nodes. What they hold stays reserved until they are done.",
  },
  removalGraceSeconds: {
    default: 30,
    unit: "seconds",
    min: 0,
    max: 24 * 3600,
    about: "How long the end of a session waits for disconnected nodes.",
  },
  appsDomain: {
    default: "",
    unit: "domain",
    min: 0,
    // With a label of 63 characters and a dot before it, a name has at most 253 (RFC 1035, 2.3.4).
    max: 189,
    about:
      "Domain of the apps: each is at https://APP--SESSION.DOMAIN (docs/apps.md). All names under it must lead to the API, and the API itself must not be under it. Where `skein serve` listens on loopback: `localhost`, unless given.",
  },
  maxEpochs: {
    default: 5,
    unit: "plans",
    min: 1,
    max: 100,
    about: "How many plans a session gets before it fails because no network works for it.",
  },
} as const satisfies Record<string, Setting>;

export type SettingName = keyof typeof SETTINGS_TABLE;

/** A value for each row. */
export type Settings = {
  -readonly [N in SettingName]: (typeof SETTINGS_TABLE)[N]["default"] extends number ? number : string;
};

export const DEFAULT_SETTINGS: Readonly<Settings> = Object.freeze(
  Object.fromEntries(Object.entries(SETTINGS_TABLE).map(([name, row]) => [name, row.default])) as Settings,
);

/** The given values, and the defaults for the rest. Frozen: pass it to the code that needs it. */
export function settingsOf(values: Partial<Settings>): Readonly<Settings> {
  return Object.freeze({ ...DEFAULT_SETTINGS, ...values });
}

/** `maxBodyBytes` → `MAX_BODY_BYTES`: how `skein serve --set` spells it. */
export function outerName(name: SettingName): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase();
}

/** `maxBodyBytes` → `SKEIN_MAX_BODY_BYTES`: the worker's variable. */
export function variableOf(name: SettingName): string {
  return `SKEIN_${outerName(name)}`;
}

export const SETTING_NAMES = Object.keys(SETTINGS_TABLE) as SettingName[];
