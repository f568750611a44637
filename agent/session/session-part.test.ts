/** One session's part on a node: what it does where a step cannot be done. */
import { setImmediate } from "node:timers/promises";
import { afterEach, expect, test, vi } from "vitest";
import { LABELS } from "../../shared/protocol/names.ts";
import type { Assignment, Report } from "../../shared/protocol/protocol.ts";
import { makeLog } from "../log.ts";
import type { NodeContext } from "./context.ts";
import { SessionPart } from "./session-part.ts";

afterEach(() => vi.restoreAllMocks());

const assignment: Assignment = {
  session: "ses_1",
  name: "one",
  epoch: 2,
  network: {
    driver: "bridge",
    subnet: "10.64.0.0/24",
    gateway: "10.64.0.254",
    vtep: "192.0.2.1",
    mtu: 1500,
    port: 14789,
    egress: true,
    peers: [],
  },
  containers: [],
  members: [],
  proofs: [],
};

test("what an older plan left and cannot be removed is tried again with pauses, and said", async () => {
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
  const context = { docker, owner: { fleet: "flt_1", node: "node_1" }, log: makeLog(() => {}) };
  const older = { id: "c1", running: true, labels: { [LABELS.epoch]: "1" } };
  const said: Report[] = [];
  const part = new SessionPart(
    context as unknown as NodeContext,
    { type: "assign", session: "ses_1", epoch: 2, phase: "prepared", assignment, hash: "new" },
    { containers: [older] },
    (report) => said.push(report),
  );
  part.converge();
  await expect.poll(() => said).toMatchObject([{ failure: { code: "internal" } }]);
  for (let turns = 0; turns < 200; turns++) await setImmediate();
  expect(tries).toBeLessThan(10);
  docker.containers = () => new Promise(() => {});
});
