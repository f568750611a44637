/** The bench's report, and whether its aims are met. Pure. */
import { cpus } from "node:os";
import { table } from "../../cli/table.ts";
import { type Figure, figureOf, quantile } from "../ready/figures.ts";
import type { Beside, Besides } from "./beside.ts";
import type { Memory, Stalled } from "./stalled.ts";
import { DIRECTIONS, type Direction } from "./transfers.ts";

/** Gbit/s of each round. */
type Speeds = Record<Direction, number[]>;

export interface Measured {
  speeds: Record<"skein" | "ssh", Speeds>;
  beside: Besides;
  /** Before all transfers. */
  fresh: Memory;
  stalled: Stalled;
}

/** What the aims are about. */
type Aims = Pick<Measured, "speeds"> & {
  beside: Pick<Besides, "apart"> & Record<"skein" | "ssh", Pick<Beside, "ps">>;
};

const AIM_GBITS = 0.8;
const AIM_RATIO = 0.25;
/** Of `skein ps` on a core of its own, beside a transfer, to the same alone. Medians differ by a tenth from run to run. */
const AIM_PS = 1.2;
/** Of `skein ps` where all share the machine's cores, beside a transfer, to the same beside `ssh -L`: what is due to shared cores is in both. */
const AIM_PS_SSH = 1.3;

const TITLES: Record<Direction, string> = { down: "out of the container", up: "into the container" };

/** A line for each aim that is missed. */
export function misses({ speeds, beside: { apart, skein, ssh } }: Aims): string[] {
  const ps = [
    ...slower("alone, on a core of its own", apart.skein, apart.alone, AIM_PS),
    ...slower("beside ssh", skein.ps, ssh.ps, AIM_PS_SSH),
  ];
  const tooSlow = DIRECTIONS.flatMap((direction) => {
    const [own, ratio] = [median(speeds.skein[direction]), ratioOf(speeds, direction)];
    return [
      ...(own < AIM_GBITS ? [`${TITLES[direction]}: ${own.toFixed(2)} Gbit/s, less than ${AIM_GBITS}`] : []),
      ...(ratio < AIM_RATIO
        ? [`${TITLES[direction]}: ${ratio.toFixed(2)} of ssh, less than ${AIM_RATIO}`]
        : []),
    ];
  });
  return [...tooSlow, ...ps];
}

export function report({ speeds, beside, fresh, stalled }: Measured): string {
  const columns = DIRECTIONS.map((direction) => TITLES[direction]);
  const speed = table(
    ["", ...columns],
    [
      ["skein forward", ...DIRECTIONS.map((each) => gbits(figureOf(speeds.skein[each])))],
      ["ssh -L", ...DIRECTIONS.map((each) => gbits(figureOf(speeds.ssh[each])))],
      ["skein / ssh", ...DIRECTIONS.map((each) => ratioOf(speeds, each).toFixed(2))],
    ],
  );
  const looks = [beside.alone, beside.skein, beside.ssh];
  const latency = table(
    ["", "alone", "while skein forward carries 1 GB", "while ssh -L does"],
    [
      ["skein ps", ...looks.map(({ ps }) => ms(ps))],
      ["skein ps, on a core of its own", ms(beside.apart.alone), ms(beside.apart.skein), "–"],
      ["GET /v1/sessions", ...looks.map(({ request }) => ms(request))],
      ["lines of another stream, one in 20 ms", ...looks.map(({ lines }) => ms(lines))],
    ],
  );
  const rows: [string, Memory][] = [
    ["before the first transfer", fresh],
    ["after the last", stalled.rest],
    ["a client that does not read", stalled.client],
    ["a container that does not read", stalled.container],
  ];
  const memory = table(
    ["", "agent", "workerd", "skein forward"],
    rows.map(([what, { agent, workerd, client }]) => [what, String(agent), String(workerd), String(client)]),
  );
  const rounds = speeds.skein.down.length;
  const machine = `${cpus().length} × ${cpus()[0]?.model}`;
  return [
    `2^30 bytes over one connection, on one machine (${machine}); Gbit/s, median (min–max) of ${rounds}:`,
    `${speed}\n`,
    "Meanwhile; milliseconds, median (95 % – max):",
    `${latency}\n`,
    "Resident memory, MiB; the most where somebody does not read:",
    String(memory),
  ].join("\n");
}

function slower(than: string, ps: readonly number[], other: readonly number[], aim: number): string[] {
  const ratio = median(ps) / median(other);
  return ratio > aim ? [`skein ps: ${ratio.toFixed(2)} of ${than}, more than ${aim}`] : [];
}

function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

function ratioOf({ skein, ssh }: Measured["speeds"], direction: Direction): number {
  return median(skein[direction]) / median(ssh[direction]);
}

function gbits({ median: middle, min, max }: Figure): string {
  return `${middle.toFixed(2)} (${min.toFixed(2)}–${max.toFixed(2)})`;
}

function ms(values: readonly number[]): string {
  const [middle, most] = [median(values), Math.max(...values)];
  return `${middle.toFixed(1)} (${quantile(values, 0.95).toFixed(1)} – ${most.toFixed(1)})`;
}
