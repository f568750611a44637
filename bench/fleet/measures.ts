/** The table of measures: the order of the rows, their words and units; and the growth of a figure. Pure. */

export interface Row {
  phase: Phase;
  label: string;
  unit: string;
}

export const PHASES = {
  join: "Joining",
  idle: "At rest",
  change: "One node more, one less",
  answers: "Answers",
  rates: "Sessions, from created to terminated, 12 at a time",
  big: "One big session",
  restart: "workerd killed and started again",
} as const;
export type Phase = keyof typeof PHASES;

export const MEASURES = {
  joinSeconds: { phase: "join", label: "all have joined and are linked", unit: "s" },
  joinCpu: { phase: "join", label: "CPU of workerd for it", unit: "s" },

  idleCpu: { phase: "idle", label: "CPU of workerd", unit: "% of a core" },
  idleWritten: { phase: "idle", label: "written to the disk", unit: "KB/s" },
  idleAsked: { phase: "idle", label: "written to files and sockets", unit: "KB/s" },
  idleFrames: { phase: "idle", label: "frames that nodes received", unit: "" },
  idleSimulators: { phase: "idle", label: "CPU of the simulators", unit: "% of a core" },
  memory: { phase: "idle", label: "memory of workerd", unit: "MB" },
  memoryPerNode: { phase: "idle", label: "⋯ that each node added", unit: "KB" },
  descriptors: { phase: "idle", label: "descriptors of workerd", unit: "" },
  descriptorsPerNode: { phase: "idle", label: "⋯ that each node added", unit: "" },

  oneJoinFrames: { phase: "change", label: "frames to others when one joins", unit: "" },
  oneJoinBytes: { phase: "change", label: "⋯ their bytes", unit: "KB" },
  oneLeaveFrames: { phase: "change", label: "frames to others when one is forgotten", unit: "" },
  oneLeaveBytes: { phase: "change", label: "⋯ their bytes", unit: "KB" },

  plan50: { phase: "answers", label: "plan of 64 containers, p50", unit: "ms" },
  plan99: { phase: "answers", label: "⋯ p99", unit: "ms" },
  create50: { phase: "answers", label: "create a session of 1, p50", unit: "ms" },
  create99: { phase: "answers", label: "⋯ p99", unit: "ms" },

  rate1: { phase: "rates", label: "of 1 container", unit: "per s" },
  rate8: { phase: "rates", label: "of 8, multi-node", unit: "per s" },
  rate64: { phase: "rates", label: "of 64, multi-node", unit: "per s" },
  listed: { phase: "rates", label: "ended sessions on the first page", unit: "" },
  list50: { phase: "rates", label: "list of them, p50", unit: "ms" },
  list99: { phase: "rates", label: "⋯ p99", unit: "ms" },

  bigSeconds: { phase: "big", label: "until it runs", unit: "s" },
  bigToAgents: { phase: "big", label: "frames to agents", unit: "MB" },
  bigFromAgents: { phase: "big", label: "frames from agents", unit: "MB" },

  backSeconds: { phase: "restart", label: "all are back after", unit: "s" },
  backFailed: { phase: "restart", label: "dials that failed while workerd listened", unit: "" },
  backRefused: { phase: "restart", label: "dials while it did not listen", unit: "" },
  backCpu: { phase: "restart", label: "CPU of workerd for it", unit: "s" },
  backSimulators: { phase: "restart", label: "CPU of the simulators", unit: "s" },
  backMemory: { phase: "restart", label: "memory of workerd, at its peak", unit: "MB" },
  runsAfter: { phase: "restart", label: "the running session, a moment later", unit: "" },
  runsLong: { phase: "restart", label: "⋯ after 90 s", unit: "" },
} as const satisfies Record<string, Row>;
export type MeasureName = keyof typeof MEASURES;

/** A figure in the row's unit; a text if there is none, such as `382 of 1,000 after 75 s`. */
export type Value = number | string;

/** The measures of one run. */
export interface Column {
  nodes: number;
  values: Partial<Record<MeasureName, Value>>;
}

export const MEASURE_NAMES = Object.keys(MEASURES) as MeasureName[];

/** The second figure divided by the first; undefined if that is meaningless. */
export function growthOf(first: Value | undefined, second: Value | undefined): number | undefined {
  if (typeof first !== "number" || typeof second !== "number" || first === 0) return undefined;
  return second / first;
}

/** Three digits, or all before the point; thousands are separated. */
export function figureText(value: number): string {
  const digits =
    value === 0 || Math.abs(value) >= 100 || Number.isInteger(value) ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/** `382 of 1,000 after 75 s`. */
export function notReached(reached: number, of: number, seconds: number): string {
  return `${figureText(reached)} of ${figureText(of)} after ${figureText(Math.round(seconds))} s`;
}
