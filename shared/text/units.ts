/** Sizes in bytes, as text for people. */

const UNITS: Record<string, number> = {
  "": 1,
  k: 1e3,
  m: 1e6,
  g: 1e9,
  t: 1e12,
  ki: 2 ** 10,
  mi: 2 ** 20,
  gi: 2 ** 30,
  ti: 2 ** 40,
};

/** `"512MiB"` → 536870912; a number stays as it is. Undefined if it is not a size, under one byte, or past 2^53. */
export function parseBytes(size: string | number): number | undefined {
  const match = /^(\d+(?:\.\d+)?)\s*([KMGT]i?)?B?$/i.exec(String(size));
  const bytes = match ? Math.floor(Number(match[1]) * UNITS[(match[2] ?? "").toLowerCase()]!) : Number.NaN;
  return Number.isSafeInteger(bytes) && bytes > 0 ? bytes : undefined;
}

/** 536870912 → `"512MiB"`; at most two decimals, rounded by `round` (needed sizes up, free sizes down). */
export function formatBytes(bytes: number, round: (value: number) => number = Math.round): string {
  for (const unit of ["Ti", "Gi", "Mi", "Ki"]) {
    const size = UNITS[unit.toLowerCase()]!;
    if (bytes >= size) return `${round((bytes / size) * 100) / 100}${unit}B`;
  }
  return `${bytes}B`;
}
