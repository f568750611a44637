import { expect, test } from "vitest";
import type { ContainerSpec } from "../../shared/protocol/assignment.ts";
import { makeLog } from "../log.ts";
import type { Prepared } from "./container-record.ts";
import type { NodeContext } from "./context.ts";
import { SessionController } from "./controller.ts";
import type { Desired } from "./desired.ts";
import { sentOf } from "./sent-fixtures.ts";

test("a container can be entered only while it runs behind an open gate, in the wanted epoch", () => {
  const spec = { host: "main1", address: "10.64.0.2", env: {} } as ContainerSpec;
  const desired: Desired = {
    session: "ses_1",
    epoch: 2,
    phase: "running",
    sent: sentOf(2, undefined, [spec]),
  };
  const context = {
    owner: { fleet: "flt_1", node: "node_1" },
    sessionsDir: "/state",
    log: makeLog(() => {}),
  };
  const controller = new SessionController(
    context as NodeContext,
    desired,
    { containers: [] },
    {
      onProgress() {},
      onPhase() {},
      async onAdopted() {},
      onVerdict() {},
      onGone() {},
    },
  );
  const { observed } = controller;
  expect(controller.container(desired, "main1")).toBeUndefined();

  observed.prepared.set("main1", { containerId: "c1" } as Prepared);
  observed.set("main1", "started");
  expect(controller.container(desired, "main1")).toEqual({
    ...{ containerId: "c1", address: "10.64.0.2", hostNetwork: false, running: false, leaving: false },
    selfDir: expect.stringMatching(/^\/state\/skein-[0-9a-f]{12}\/main1\/self$/),
  });
  observed.set("main1", "running");
  expect(controller.container(desired, "main1")?.running).toBe(true);

  expect(controller.container(desired, "sub1")).toBeUndefined();
  expect(
    controller.container({ ...desired, epoch: 3, sent: sentOf(3, undefined, [spec]) }, "main1"),
  ).toBeUndefined();
  expect(controller.container({ ...desired, phase: "removed" }, "main1")).toMatchObject({
    running: false,
    leaving: true,
  });
  observed.set("main1", "exited");
  expect(controller.container(desired, "main1")?.running).toBe(false);
});
