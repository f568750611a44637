import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { FACTS } from "../../shared/testing/fixtures.ts";
import type { About, RefusedByMachine } from "./facts.ts";
import { FactsReporter } from "./facts-reporter.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const about = ({ subnets, vnis }: RefusedByMachine): About => ({
  bootId: "boot",
  address: "192.0.2.1",
  capacity: { cpu: 1, memory: 1, gpu: 0 },
  facts: { ...FACTS, usedSubnets: [...subnets], usedVnis: [...vnis] },
});

test("facts that did not change are not sent again", async () => {
  const sent: About[] = [];
  const reporter = new FactsReporter(
    async (refused) => about(refused),
    (each) => sent.push(each),
  );
  await reporter.measure();
  await reporter.refresh();
  expect(sent).toEqual([]);
});

test("a subnet that the engine refused counts as used for ten minutes", async () => {
  const sent: string[][] = [];
  const reporter = new FactsReporter(
    async (refused) => about(refused),
    ({ facts }) => sent.push(facts.usedSubnets),
  );
  await reporter.measure();
  reporter.refused({ subnet: "10.64.2.0/24" });
  await reporter.refresh();
  await reporter.refresh();
  vi.advanceTimersByTime(9 * 60_000);
  await reporter.refresh();
  expect(sent).toEqual([["10.64.2.0/24"]]);
  vi.advanceTimersByTime(2 * 60_000);
  await reporter.refresh();
  expect(sent).toEqual([["10.64.2.0/24"], []]);
});

test("a VNI that the kernel refused counts as used for ten minutes", async () => {
  const sent: About["facts"]["usedVnis"][] = [];
  const reporter = new FactsReporter(
    async (refused) => about(refused),
    ({ facts }) => sent.push(facts.usedVnis),
  );
  await reporter.measure();
  reporter.refused({ vni: 7, port: 14789 });
  await reporter.refresh();
  vi.advanceTimersByTime(11 * 60_000);
  await reporter.refresh();
  expect(sent).toEqual([[{ vni: 7, port: 14789 }], []]);
});
