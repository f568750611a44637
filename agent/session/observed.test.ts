import { expect, test } from "vitest";
import { Report } from "../../shared/protocol/protocol.ts";
import { Observed } from "./observed.ts";

test("the state of a container never goes back, and its reason is that of the last change", () => {
  const observed = new Observed("ses_1", 1, [{ host: "main1" }]);
  observed.set("main1", "pulling", { reason: "pulling: 5%" });
  observed.set("main1", "prepared", { containerId: "c1" });
  observed.set("main1", "exited", { exitCode: 3, output: "bye" });
  observed.set("main1", "running");
  expect(observed.report()).toEqual({
    type: "report",
    session: "ses_1",
    epoch: 1,
    phase: "none",
    containers: [{ host: "main1", status: "exited", containerId: "c1", exitCode: 3, output: "bye" }],
  });
});

test("the API accepts the report, whatever an image or an engine printed", () => {
  const observed = new Observed("ses_1", 1, [{ host: "main1" }]);
  observed.set("main1", "exited", { exitCode: 126, output: "\0".repeat(4096), reason: "x".repeat(4097) });
  expect(() => Report.parse(observed.report())).not.toThrow();
});
