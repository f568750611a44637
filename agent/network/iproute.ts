/** Reads links, addresses, routes, forwarding entries and neighbours with iproute2, and changes them in batches. */
import { z } from "zod";
import { HostCommandError, type Runner } from "../host/runner.ts";

const Link = z.object({
  ifname: z.string(),
  address: z.string().optional(),
  mtu: z.int(),
  flags: z.array(z.string()),
  master: z.string().optional(),
  ifalias: z.string().optional(),
  /** Missing on a machine without IPv6. */
  inet6_addr_gen_mode: z.string().optional(),
  linkinfo: z
    .object({
      info_kind: z.string().optional(),
      /** Of a VXLAN device. */
      info_data: z
        .object({
          id: z.int().optional(),
          local: z.string().optional(),
          port: z.int().optional(),
          learning: z.boolean().optional(),
        })
        .optional(),
      /** Of a bridge port. */
      info_slave_data: z
        .object({
          learning: z.boolean().optional(),
          flood: z.boolean().optional(),
          neigh_suppress: z.boolean().optional(),
        })
        .optional(),
    })
    .optional(),
});
export type Link = z.infer<typeof Link>;

const ForwardingEntry = z.object({
  mac: z.string(),
  /** A VTEP. Only the VXLAN device's own entries (`self`) have one. */
  dst: z.string().optional(),
  flags: z.array(z.string()).default([]),
  state: z.string().optional(),
});
export type ForwardingEntry = z.infer<typeof ForwardingEntry>;

const Neighbour = z.object({ dst: z.string(), lladdr: z.string().optional() });
const Route = z.object({ type: z.string().optional(), dst: z.string(), dev: z.string().optional() });
const Interface = z.object({
  ifname: z.string(),
  mtu: z.int(),
  linkinfo: z.object({ info_kind: z.string().optional() }).optional(),
  addr_info: z.array(z.object({ local: z.string(), scope: z.string() })),
});

/** `ip` and `bridge` may print nothing, or `{}` for a row that the filter hides. */
async function read<T>(runner: Runner, argv: readonly string[], item: z.ZodType<T>): Promise<T[]> {
  const text = await runner.run(argv);
  const rows: unknown[] = text.trim() === "" ? [] : JSON.parse(text);
  return rows.filter((row) => Object.keys(row as object).length > 0).map((row) => item.parse(row));
}

/** Words of `ip` about a device, and of `iptables` about a rule. */
const MISSING = /does not exist|Cannot find device|does a matching rule exist/;

function isMissing(error: unknown): boolean {
  return error instanceof HostCommandError && MISSING.test(error.stderr);
}

/** For a command about a device or a firewall rule that may not exist: undefined then. */
export async function unlessMissing<T>(command: Promise<T>): Promise<T | undefined> {
  try {
    return await command;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

export async function readLink(runner: Runner, name: string): Promise<Link | undefined> {
  return (await unlessMissing(read(runner, ["ip", "-j", "-d", "link", "show", "dev", name], Link)))?.[0];
}

export function readLinks(runner: Runner, type: "vxlan" | "bridge"): Promise<Link[]> {
  return read(runner, ["ip", "-j", "-d", "link", "show", "type", type], Link);
}

export async function readForwarding(runner: Runner, device: string): Promise<ForwardingEntry[]> {
  return (
    (await unlessMissing(read(runner, ["bridge", "-j", "fdb", "show", "dev", device], ForwardingEntry))) ?? []
  );
}

export async function readPermanentNeighbours(runner: Runner, device: string) {
  const argv = ["ip", "-j", "-4", "neigh", "show", "dev", device, "nud", "permanent"];
  return (await unlessMissing(read(runner, argv, Neighbour))) ?? [];
}

export function readRoutes(runner: Runner) {
  return read(runner, ["ip", "-j", "-4", "route", "show"], Route);
}

export function readInterfaces(runner: Runner) {
  return read(runner, ["ip", "-j", "-d", "-4", "addr", "show"], Interface);
}

/** Runs all lines in one `ip` or `bridge`, which stops at the first failure. One process per line would cost 4 ms each. */
export async function batch(
  runner: Runner,
  program: "ip" | "bridge",
  lines: readonly string[],
): Promise<void> {
  if (lines.length === 0) return;
  await runner.run([program, "-batch", "-"], { input: `${lines.join("\n")}\n` });
}
