/** What a process uses, read from /proc (proc(5)). */
import { readdirSync, readFileSync } from "node:fs";

/** Of all its threads, since it started. */
export interface Usage {
  /** In user and kernel mode. */
  cpuSeconds: number;
  /** Bytes that the kernel wrote to a disk for it. */
  written: number;
  /** Bytes that it wrote to anything: files, sockets, pipes. */
  asked: number;
}

/** USER_HZ, in which /proc counts: 100 on every architecture that we run on. */
const TICKS_PER_SECOND = 100;

export function usageOf(pid: number): Usage {
  const io = proc(pid, "io");
  return {
    cpuSeconds: cpuSecondsIn(proc(pid, "stat")),
    written: fieldIn(io, "write_bytes"),
    asked: fieldIn(io, "wchar"),
  };
}

/** What a process holds now: bytes in memory, and descriptors. */
export interface Holding {
  memory: number;
  descriptors: number;
}

export function holdingOf(pid: number): Holding {
  return {
    memory: fieldIn(proc(pid, "status"), "VmRSS") * 1024,
    descriptors: readdirSync(`/proc/${pid}/fd`).length,
  };
}

/** Its peak memory in bytes. */
export function peakMemoryOf(pid: number): number {
  return fieldIn(proc(pid, "status"), "VmHWM") * 1024;
}

/** How many descriptors this process and its children may open: Node.js raises the soft limit to the hard one. */
export function descriptorLimit(): number {
  return Number(/^Max open files +(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8"))![1]);
}

/** utime and stime; the name before them may have spaces and parentheses. */
export function cpuSecondsIn(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** The number of a line like `VmRSS:	 123 kB`. @throws Error if there is no such line */
export function fieldIn(text: string, name: string): number {
  const found = new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(text);
  if (!found) throw new Error(`/proc does not say ${name}`);
  return Number(found[1]);
}

function proc(pid: number, file: string): string {
  return readFileSync(`/proc/${pid}/${file}`, "utf8");
}
