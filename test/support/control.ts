/** The API for tests of the agent alone: it plans with the real planner, and drives sessions from phase to phase over the nodes' links. */
import { spaceOf } from "../../shared/network/address-space.ts";
import type { NodeSnapshot } from "../../shared/plan/plan.ts";
import { plan } from "../../shared/plan/planner.ts";
import {
  type Assignment,
  assignmentOf,
  type Layout,
  type Part,
  type SessionKeys,
} from "../../shared/protocol/assignment.ts";
import { assignmentsOf } from "../../shared/protocol/assignments.ts";
import type { Assign, Report } from "../../shared/protocol/protocol.ts";
import { readSpec } from "../../shared/request/spec.ts";
import type { Phase } from "../../shared/session/lifecycle.ts";
import { DEFAULT_SETTINGS } from "../../shared/settings/settings.ts";
import { ControlLink } from "./control-link.ts";

/** A session under way. */
export interface ControlSession {
  id: string;
  epoch: number;
  layout: Layout;
  /** By node id; `assignments` are the same, expanded. */
  parts: Map<string, Part>;
  assignments: Map<string, Assignment>;
  /** Set once all nodes are prepared. */
  keys?: SessionKeys;
}

export class Control extends ControlLink {
  /** For sessions that are planned from then on. */
  settings = DEFAULT_SETTINGS;
  #made = 0;

  static async listen(host: string, fleet = "flt_test"): Promise<Control> {
    return await new Control(fleet).listen(host);
  }

  /** Plans a request (as for `POST /v1/sessions`) over the connected nodes, without sending it. */
  plan(request: object, { id = `ses_${++this.#made}`, epoch = 1 } = {}): ControlSession {
    const spec = readSpec(request, DEFAULT_SETTINGS);
    const nodes: NodeSnapshot[] = [...this.nodes.values()].map(({ id: nodeId, name, about }) => ({
      id: nodeId,
      name,
      status: "ready",
      schedulable: true,
      labels: {},
      address: about.address,
      capacity: about.capacity,
      allocated: { cpu: 0, memory: 0, gpuIds: [], containers: 0 },
      gpuIds: about.facts.gpuIds,
      usedSubnets: about.facts.usedSubnets,
      usedVnis: about.facts.usedVnis,
      mtu: about.facts.mtu,
      allows: about.facts.allows,
    }));
    const others = [...this.nodes.values()].flatMap((node) => [...node.desired.values()]);
    const networks = others
      .filter(({ session }) => session !== id)
      .flatMap(({ layout }) => layout?.network ?? []);
    const reserved = {
      subnets: networks.map(({ subnet }) => subnet),
      vnis: networks.flatMap(({ vni }) => vni ?? []),
    };
    const space = { ...spaceOf(DEFAULT_SETTINGS, this.fleet), origin: 0 };
    const planned = plan(spec, { nodes, reserved, space });
    if (!planned.plan) throw new Error(planned.refusal.reason);
    const { layout, parts } = assignmentsOf(spec, planned.plan, { id, name: id }, this.settings);
    const written = [...parts].map(([node, part]) => [node, assignmentOf(id, epoch, layout, part)] as const);
    return { id, epoch, layout, parts, assignments: new Map(written) };
  }

  /** Asks every node of a session for a phase, without waiting. */
  ask(session: ControlSession, phase: Phase, force?: boolean): void {
    for (const nodeId of session.parts.keys()) this.tell(nodeId, assignOf(session, nodeId, phase, force));
  }

  /** Asks for a phase and waits until all nodes report it; throws the first failure. */
  async reach(session: ControlSession, phase: Phase, force?: boolean): Promise<Report[]> {
    this.ask(session, phase, force);
    const reports = await this.until(() => {
      const all = [...session.parts.keys()].map((node) => this.reportOf(node, session.id));
      const failed = all.find((report) => report?.failure && report.epoch === session.epoch);
      if (failed && phase !== "removed") return [failed];
      return (
        all.every((report) => report?.phase === phase && report.epoch === session.epoch) && (all as Report[])
      );
    });
    if (reports[0]?.failure && phase !== "removed") {
      const { code, host, message } = reports[0].failure;
      throw new Error([code, host, message].filter(Boolean).join(": "));
    }
    if (phase === "prepared") {
      const known = new Map(
        reports.flatMap(({ identities = [] }) => identities).map((each) => [each.host, each]),
      );
      const [first] = session.assignments.values();
      session.keys = first!.members.map(({ host }) => {
        const { user, hostKey, userKey } = known.get(host)!;
        return [user, hostKey, userKey];
      });
    }
    if (phase === "removed") for (const node of this.nodes.values()) node.desired.delete(session.id);
    return reports;
  }

  /** From nothing to running. */
  async run(request: object): Promise<ControlSession> {
    const session = this.plan(request);
    for (const phase of ["prepared", "started", "running"] as const) await this.reach(session, phase);
    return session;
  }

  async remove(session: ControlSession, force?: boolean): Promise<Report[]> {
    return await this.reach(session, "removed", force);
  }

  /** Removes all sessions that are still assigned to nodes, at once. */
  async clear(): Promise<void> {
    const left = [...this.nodes.values()].flatMap((node) =>
      [...node.desired.values()].map(({ session, epoch }) => ({ node, session, epoch })),
    );
    for (const { node, session, epoch } of left) {
      this.tell(node.id, { type: "assign", session, epoch, phase: "removed", force: true });
    }
    await this.until(() =>
      left.every(({ node, session }) => this.reportOf(node.id, session)?.phase === "removed"),
    );
    for (const { node, session } of left) node.desired.delete(session);
  }
}

/** The complete frame of a session for a node and a phase. */
export function assignOf(
  { id, epoch, layout, parts, keys }: ControlSession,
  nodeId: string,
  phase: Phase,
  force?: boolean,
): Assign {
  const bare: Assign = {
    type: "assign",
    session: id,
    epoch,
    phase,
    ...(force === undefined ? {} : { force }),
  };
  if (phase === "removed") return bare;
  return { ...bare, layout, part: parts.get(nodeId)!, ...(keys && phase !== "prepared" ? { keys } : {}) };
}
