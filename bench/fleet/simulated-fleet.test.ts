/** Several simulators answer as one. */
import { expect, test } from "vitest";
import { noTraffic } from "../../test/support/node.ts";
import { sumOf } from "./simulated-fleet.ts";

test("the counts of simulators are added up, failures by their cause", () => {
  const traffic = { ...noTraffic(), framesReceived: 2, bytesSent: 30 };
  expect(
    sumOf([
      { up: 3, cpuSeconds: 0.5, failed: { "timed out": 2 }, traffic },
      { up: 4, cpuSeconds: 0.25, failed: { "timed out": 1, refused: 5 }, traffic },
    ]),
  ).toEqual({
    up: 7,
    cpuSeconds: 0.75,
    failed: { "timed out": 3, refused: 5 },
    traffic: { framesReceived: 4, bytesReceived: 0, framesSent: 0, bytesSent: 60 },
  });
});
