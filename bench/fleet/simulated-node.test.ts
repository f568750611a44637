/** Thousands of nodes, each at its own address. */
import { expect, test } from "vitest";
import { aboutNode } from "./simulated-node.ts";

test("addresses count up from 10.128.0.1, and no two nodes share one", () => {
  expect([0, 1, 254, 255, 8999].map((number) => aboutNode(number).address)).toEqual([
    "10.128.0.1",
    "10.128.0.2",
    "10.128.0.255",
    "10.128.1.0",
    "10.128.35.40",
  ]);
  expect(new Set(Array.from({ length: 10_000 }, (_, i) => aboutNode(i).address)).size).toBe(10_000);
});
