import { setImmediate } from "node:timers/promises";
import { afterEach, expect, test, vi } from "vitest";
import { LABELS } from "../../shared/protocol/names.ts";
import type { Report } from "../../shared/protocol/protocol.ts";
import { makeLog } from "../log.ts";
import type { NodeContext } from "./context.ts";
import { sentOf } from "./sent-fixtures.ts";
import { SessionPart } from "./session-part.ts";

afterEach(() => vi.restoreAllMocks());

test("a failing removal of an older epoch is reported, and tried again with pauses", async () => {
  // The longest pauses.
  vi.spyOn(Math, "random").mockReturnValue(0.999);
  let tries = 0;
  const docker = {
    async containers() {
      tries++;
      await setImmediate();
      throw new Error("the engine is being restarted");
    },
  };
  const context = {
    docker,
    owner: { fleet: "flt_1", node: "node_1" },
    assignments: { has: () => true },
    log: makeLog(() => {}),
  };
  const older = { id: "c1", running: true, labels: { [LABELS.epoch]: "1" } };
  const said: Report[] = [];
  const part = new SessionPart(
    context as unknown as NodeContext,
    { session: "ses_1", epoch: 2, phase: "prepared", sent: sentOf(2) },
    { containers: [older] },
    (report) => said.push(report),
  );
  part.converge();
  await expect.poll(() => said).toMatchObject([{ failure: { code: "internal" } }]);
  for (let turns = 0; turns < 200; turns++) await setImmediate();
  expect(tries).toBeLessThan(10);
  docker.containers = () => new Promise(() => {});
});
