/** Limits of processes (setrlimit(2)): what a request asks for, and what a node's engine can give. Pure. */
import { z } from "zod";
import { formatBytes } from "../text/units.ts";

/** `memlock` in bytes, `nofile` a count. Missing: not asked for, or not known. */
export interface Ulimits {
  memlock?: number | "unlimited" | undefined;
  nofile?: number | "unlimited" | undefined;
}

/** What the kernel calls unlimited for open files: `fs.nr_open`, as it is by default (proc_sys_fs(5)). */
export const MOST_FILES = 2 ** 20;

const NAMES = ["memlock", "nofile"] as const;

const SAY = {
  memlock: (bytes: number) => formatBytes(bytes),
  nofile: (count: number) => String(count),
};

/** As answers have them. */
export const UlimitsView = z
  .object({
    memlock: z
      .union([z.int().min(0), z.literal("unlimited")])
      .optional()
      .meta({ description: "Bytes of memory that may be locked", example: "unlimited" }),
    nofile: z.int().min(1).optional().meta({ description: "Files that may be open", example: 1048576 }),
  })
  .meta({ id: "Ulimits", description: "What is missing is the engine's own default" });
export type UlimitsView = z.infer<typeof UlimitsView>;

/** The most of each that any of these asks for; undefined: nothing. */
export function mostUlimits(all: readonly (Ulimits | undefined)[]): Ulimits | undefined {
  const most = Object.fromEntries(
    NAMES.flatMap((name) => {
      const asked = all.flatMap((ulimits) => ulimits?.[name] ?? []);
      return asked.length === 0 ? [] : [[name, asked.reduce((a, b) => (amount(a) >= amount(b) ? a : b))]];
    }),
  ) as Ulimits;
  return Object.keys(most).length === 0 ? undefined : most;
}

/** What is asked for and cannot be given, in words; empty where all can. `given` undefined: the node does not know what its engine can give. */
export function notGiven(asked: Ulimits | undefined, given: UlimitsView | undefined): string[] {
  return NAMES.flatMap((name) => {
    const [wanted, most] = [asked?.[name], given?.[name]];
    if (wanted === undefined) return [];
    if (most === undefined) return [`${name} ${say(name, wanted)} (what its engine can give is not known)`];
    return enough(name, wanted, most) ? [] : [`${name} ${say(name, wanted)} (at most ${say(name, most)})`];
  });
}

/** As `notGiven`, but quick: the planner asks it of each node. */
export function givesAll(asked: Ulimits, given: UlimitsView | undefined): boolean {
  return NAMES.every((name) => {
    const [wanted, most] = [asked[name], given?.[name]];
    return wanted === undefined || (most !== undefined && enough(name, wanted, most));
  });
}

/** What a container gets: what is asked for, else as much as the engine can give. Unlimited open files are as many as the node can give. */
export function ulimitsFor(asked: Ulimits = {}, given: UlimitsView = {}): UlimitsView {
  const memlock = asked.memlock ?? given.memlock;
  const most = given.nofile;
  const nofile = asked.nofile === "unlimited" ? most : (asked.nofile ?? (most && Math.min(most, MOST_FILES)));
  return { ...(memlock === undefined ? {} : { memlock }), ...(nofile === undefined ? {} : { nofile }) };
}

/** `memlock unlimited, nofile 1048576`. */
export function sayUlimits(ulimits: Ulimits): string {
  return NAMES.flatMap((name) => {
    const value = ulimits[name];
    return value === undefined ? [] : [`${name} ${say(name, value)}`];
  }).join(", ");
}

function enough(name: keyof Ulimits, wanted: number | "unlimited", most: number | "unlimited"): boolean {
  const least = name === "nofile" && wanted === "unlimited" ? MOST_FILES : amount(wanted);
  return least <= amount(most);
}

function amount(value: number | "unlimited"): number {
  return value === "unlimited" ? Infinity : value;
}

function say(name: keyof Ulimits, value: number | "unlimited"): string {
  return value === "unlimited" ? value : SAY[name](value);
}
