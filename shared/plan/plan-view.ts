/** A plan as users see it: the API's answer, and the text a person reads. */

import { familiesOf, filesOf, slotsOf } from "../frameworks/frameworks.ts";
import { FILES } from "../frameworks/host-files.ts";
import type { PlannedNetwork } from "../network/addressing.ts";
import type { NetworkView } from "../network/network-view.ts";
import type { Resources } from "../request/resources.ts";
import type { SessionSpec } from "../request/spec.ts";
import { formatBytes } from "../text/units.ts";
import { environmentsOf, launcherVariablesOf } from "./environment.ts";
import { sayLimits } from "./limits.ts";
import type { Plan } from "./plan.ts";
import type { PlanView } from "./plan-schema.ts";

/** `environments` by host; left out in a dry run, where there is no session with an id and a name. */
export function publicPlan(
  spec: SessionSpec,
  plan: Plan,
  environments: Map<string, Record<string, string>> = environmentsOf(spec),
): PlanView {
  const roles = new Map(spec.roles.map((role) => [role.name, role]));
  const launchers = launcherVariablesOf(spec, plan.network.subnet);
  const listed = plan.containers.map(({ host, role }) => ({
    host,
    role,
    slots: slotsOf(roles.get(role)!.resources),
  }));
  const files = filesOf(spec.roles.flatMap(({ frameworks }) => familiesOf(frameworks)));
  const names = new Map(plan.nodes.map((node) => [node.id, node.name]));
  return {
    clusterMode: spec.clusterMode,
    clusterSize: plan.containers.length,
    network: networkView(plan.network),
    containers: plan.containers.map(({ host, role, index, rank, nodeId, address, limits }) => {
      const { image, command, resources, frameworks } = roles.get(role)!;
      return {
        host,
        role,
        index,
        rank,
        nodeId,
        node: names.get(nodeId)!,
        address,
        image,
        command: command ?? null,
        env: { ...launchers.get(host)!, ...environments.get(host)! },
        files: filesOf(familiesOf(frameworks)),
        resources,
        limits,
      };
    }),
    apps: spec.apps ?? [],
    files: files.map((path) => ({ path, text: FILES[path](listed) })),
  };
}

/** As users see it: the port between the nodes is the nodes' matter. */
export function networkView({ port: _, ...view }: PlannedNetwork): NetworkView {
  return view;
}

/**
 * A line for the whole, one for the network, a table with a row per container, the files for launchers and main1's environment. Ends with a
 * newline.
 */
export function renderPlan(view: PlanView): string {
  const nodes = new Set(view.containers.map((container) => container.nodeId)).size;
  const { driver, subnet, mtu, vni, encryption } = view.network;
  const rows = [
    ["RANK", "HOST", "NODE", "ADDRESS", "IMAGE", "RESOURCES", "LIMITS"],
    ...view.containers.map(({ rank, host, node, address, image, resources, limits }) => [
      String(rank),
      host,
      node,
      address,
      image,
      renderResources(resources),
      sayLimits(limits),
    ]),
  ];
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const table = rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join("  ")
      .trimEnd(),
  );
  return [
    `${view.clusterMode}: ${count(view.clusterSize, "container")} on ${count(nodes, "node")}`,
    `network: ${driver} ${subnet}, mtu ${mtu}${vni === undefined ? "" : `, vni ${vni}`}, encryption ${encryption}`,
    "",
    ...table,
    "",
    ...renderApps(view.apps),
    ...renderFiles(view.files),
    ...renderEnvironment(view.containers[0]!),
    "",
  ].join("\n");
}

function renderApps(apps: PlanView["apps"]): string[] {
  return apps.length === 0
    ? []
    : [`apps in main1: ${apps.map(({ name, port }) => `${name} (port ${port})`).join(", ")}`, ""];
}

function renderFiles(files: PlanView["files"]): string[] {
  return files.length === 0 ? [] : [`files for launchers: ${files.map(({ path }) => path).join(" ")}`, ""];
}

/** One container's: those of others differ in their ranks, and perhaps by role. */
function renderEnvironment({ host, env }: PlanView["containers"][number]): string[] {
  const names = Object.keys(env).sort();
  return [
    `environment of ${host} (--json has all):`,
    ...names.map((name) => `  ${name}=${inOneLine(env[name]!)}`),
  ];
}

/** A value of several lines could look like other variables. */
function inOneLine(value: string): string {
  return /\p{Cc}/u.test(value) ? JSON.stringify(value) : value;
}

function renderResources({ cpu, memory, gpu }: Resources): string {
  const parts = [
    cpu === undefined ? [] : count(cpu, "core"),
    memory === undefined ? [] : formatBytes(memory),
    gpu === undefined ? [] : count(gpu, "gpu"),
  ].flat();
  return parts.length === 0 ? "unlimited" : parts.join(", ");
}

function count(amount: number, noun: string): string {
  return `${amount} ${noun}${amount === 1 ? "" : "s"}`;
}
