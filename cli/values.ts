/** Parses option values other than text. Each function throws a UsageError that names the option. */
import type { SessionRequest } from "../sdk/index.ts";
import { FAMILIES } from "../shared/frameworks/frameworks.ts";
import { SettingError, settingValue } from "../shared/settings/setting-values.ts";
import { outerName, SETTING_NAMES, type SettingName, type Settings } from "../shared/settings/settings.ts";
import { parseBytes } from "../shared/text/units.ts";
import { UsageError } from "./cli-error.ts";

/** `--size 4`. */
export function wholeNumber(option: string, text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new UsageError(`--${option} must be a whole number, not ${text}`);
  return Number(text);
}

/** A TCP port as an argument; `least` is 0 where the system may choose. */
export function portNumber(what: string, text: string, least: 0 | 1): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : -1;
  if (port < least || port > 65_535)
    throw new UsageError(`${what} must be a port from ${least} to 65535, not ${text}`);
  return port;
}

/** `--cpu 0.5`. */
export function decimalNumber(option: string, text: string): number {
  if (!/^\d+(\.\d+)?$/.test(text)) throw new UsageError(`--${option} must be a number, not ${text}`);
  return Number(text);
}

/** `--memory 512MiB`, in bytes. */
export function byteSize(option: string, text: string): number {
  const bytes = parseBytes(text);
  if (bytes === undefined) throw new UsageError(`--${option} must be a size like 512MiB, not ${text}`);
  return bytes;
}

const SECONDS: Record<string, number> = { s: 1, m: 60, h: 3600, d: 86_400 };

/** `--expires 30d`, in seconds. */
export function duration(option: string, text: string): number {
  const [, count, unit] = /^(\d{1,9})([smhd])$/.exec(text) ?? [];
  if (unit === undefined)
    throw new UsageError(`--${option} must be a time like 90s, 30m, 12h or 7d, not ${text}`);
  return Number(count) * SECONDS[unit]!;
}

/** `--max-duration 90`, `--max-duration 2h`, in seconds. */
export function seconds(option: string, text: string): number {
  return /^\d{1,9}$/.test(text) ? Number(text) : duration(option, text);
}

/** `--env A=1 --env B=2`. */
export function keyValues(option: string, pairs: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const at = pair.indexOf("=");
      if (at < 1) throw new UsageError(`--${option} must be KEY=VALUE, not ${pair}`);
      return [pair.slice(0, at), pair.slice(at + 1)];
    }),
  );
}

type Mount = NonNullable<SessionRequest["mounts"]>[number];

/** `--mount /data:/data`, `--mount /scratch:/scratch:rw`. */
export function mountsGiven(option: string, texts: readonly string[]): Mount[] {
  return texts.map((text) => {
    const [, source, target, writable] = /^([^:]+):([^:]+?)(:rw)?$/.exec(text) ?? [];
    if (source === undefined || target === undefined)
      throw new UsageError(
        `--${option} must be PATH:PATH, on the node and in the container, or PATH:PATH:rw, not ${text}`,
      );
    return { source, target, readOnly: writable === undefined };
  });
}

/** `--app notebook=8888`, `--app notebook=8888/lab`. */
export function appGiven(option: string, given: string): NonNullable<SessionRequest["apps"]>[number] {
  const [, name, port, path] = /^([^=]+)=(\d{1,5})(\/.*)?$/.exec(given) ?? [];
  if (name === undefined || port === undefined)
    throw new UsageError(`--${option} must be NAME=PORT, or NAME=PORT/PATH, not ${given}`);
  return { name, port: portNumber(`--${option}`, port, 1), ...(path === undefined ? {} : { path }) };
}

/** `--ulimit nofile=65536 --ulimit memlock=unlimited`. */
export function ulimitsGiven(
  option: string,
  pairs: readonly string[],
): NonNullable<SessionRequest["ulimits"]> {
  return Object.fromEntries(
    Object.entries(keyValues(option, pairs)).map(([name, text]) => {
      const of = oneOf(option, ["memlock", "nofile"], name);
      if (text === "unlimited") return [of, text];
      return [of, of === "memlock" ? byteSize(option, text) : wholeNumber(option, text)];
    }),
  );
}

/** `--framework torchEnv --no-framework ansible`, `--no-framework all --framework mpi`. */
export function frameworksGiven(
  on: readonly string[],
  off: readonly string[],
): NonNullable<SessionRequest["frameworks"]> {
  const without = off.includes("all") ? FAMILIES : off.map((name) => family("no-framework", name));
  const set = (names: readonly string[], value: boolean) => names.map((name) => [name, value]);
  return Object.fromEntries([
    ...set(without, false),
    ...set(
      on.map((name) => family("framework", name)),
      true,
    ),
  ]);
}

function family(option: string, name: string) {
  return oneOf(option, FAMILIES, name);
}

/** `--set MAX_BODY_BYTES=65536 --set VXLAN_PORT=4789`; of two values for one setting, the last counts. */
export function settingsGiven(option: string, pairs: readonly string[]): Partial<Settings> {
  return Object.fromEntries(
    Object.entries(keyValues(option, pairs)).map(([given, text]) => {
      const name = SETTING_NAMES.find((candidate) => outerName(candidate) === given);
      if (name === undefined)
        throw new UsageError(
          `--${option}: there is no setting ${given}; there are ${SETTING_NAMES.map(outerName).join(", ")}`,
        );
      return [name, settingOf(option, name, text)];
    }),
  );
}

function settingOf(option: string, name: SettingName, text: string): number | string {
  try {
    return settingValue(name, text);
  } catch (error) {
    throw error instanceof SettingError ? new UsageError(`--${option}: ${error.message}`) : error;
  }
}

/** `--mode multi-node`. */
export function oneOf<T extends string>(option: string, choices: readonly T[], text: string): T {
  const choice = choices.find((candidate) => candidate === text);
  if (choice === undefined) throw new UsageError(`--${option} must be ${choices.join(" or ")}, not ${text}`);
  return choice;
}

/** `--listen HOST:PORT`; an IPv6 address in brackets. */
export function listenAddress(option: string, text: string): { host: string; port: number } {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^\s:[\]]+)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (!match || port > 65_535) throw new UsageError(`--${option} must be HOST:PORT, not ${text}`);
  return { host: (match[1] ?? match[2])!, port };
}

/** `--api http://HOST:PORT`; without a slash at the end. */
export function httpUrl(name: string, text: string): string {
  const url = URL.parse(text);
  if (!url || !/^https?:$/.test(url.protocol))
    throw new UsageError(`${name} must be a URL like http://HOST:PORT, not ${text}`);
  return text.replace(/\/+$/, "");
}
