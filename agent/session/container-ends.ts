/** Handles the engine's news about a session's containers: one ended, or somebody else removed it. */
import { CONSTANTS } from "../../shared/settings/constants.ts";
import type { ListedContainer } from "../docker/port.ts";
import { type NodeContext, StepFailure } from "./context.ts";
import type { SessionController } from "./controller.ts";
import type { Desired } from "./desired.ts";
import { exitReason } from "./exit.ts";
import type { Verdict } from "./restarts.ts";

export interface EndsOptions {
  controller: SessionController;
  /** What is wanted now. */
  desired(): Desired;
  /** Something happened before the gates opened, and makes the session fail. */
  fail(failure: StepFailure): void;
  report(): void;
}

/** In these states an end is news. In the others it is known already, or cannot happen. */
const MAY_END = ["prepared", "started", "running"];

export class ContainerEnds {
  readonly #docker: NodeContext["docker"];
  readonly #logs: NodeContext["logs"];
  readonly #options: EndsOptions;

  constructor({ docker, logs }: NodeContext, options: EndsOptions) {
    this.#docker = docker;
    this.#logs = logs;
    this.#options = options;
  }

  /** A container ended, or may have ended. */
  async ended(host: string, containerId: string): Promise<void> {
    const { controller, desired, report } = this.#options;
    const { observed } = controller;
    // While a session is being adopted its containers do not count: they are checked at the end of that.
    const isNews = () =>
      observed === controller.observed &&
      observed.phase !== "none" &&
      desired().phase !== "removed" &&
      observed.container(host)?.containerId === containerId &&
      MAY_END.includes(observed.container(host)!.status);
    if (!isNews()) return;
    const [container, output] = await Promise.all([
      this.#docker.container(containerId),
      this.#docker.outputTail(containerId, CONSTANTS.outputBytes),
    ]);
    const spec = desired().sent?.assignment.containers.find((each) => each.host === host);
    if (!isNews() || container?.status !== "ended" || !spec) return;
    const reason = exitReason(container, output, spec.resources.memory);
    const verdict: Verdict = observed.gatesOpen
      ? controller.restarts!.ended(spec, container, reason)
      : { status: "exited", ...(reason ? { reason } : {}) };
    const { exitCode } = container;
    observed.set(host, verdict.status, { exitCode, output, ...verdict });
    if (verdict.status === "exited") void this.#logs.ended(observed.session, host, containerId);
    if (!observed.gatesOpen) {
      const said = output.trim().split("\n").at(-1);
      const why = [`ended with ${exitCode} before its command`, reason, said].filter(Boolean).join(": ");
      this.#options.fail(new StepFailure("start", why, host));
    }
    report();
  }

  /** Somebody else removed a container. */
  gone(host: string, containerId: string): void {
    const { controller, desired, fail, report } = this.#options;
    const { observed } = controller;
    const known = observed.container(host);
    if (desired().phase === "removed" || known?.containerId !== containerId || known.status === "exited")
      return;
    controller.restarts?.forget(host);
    observed.set(host, "lost", { reason: "somebody else removed it" });
    void this.#logs.ended(observed.session, host, containerId);
    if (!observed.gatesOpen) fail(new StepFailure("start", "somebody else removed its container", host));
    report();
  }

  /** Compares with the engine's containers of this session, since events may have been missed. */
  async resync(listed: readonly ListedContainer[]): Promise<void> {
    const { observed } = this.#options.controller;
    const byId = new Map(listed.map((container) => [container.id, container]));
    const jobs = [...observed.prepared].map(async ([host, { containerId }]) => {
      const container = byId.get(containerId);
      if (!container) return this.gone(host, containerId);
      const { status } = observed.container(host)!;
      if (!container.running && (observed.gatesOpen || status === "started"))
        await this.ended(host, containerId);
    });
    await Promise.all(jobs);
  }
}
