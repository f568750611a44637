import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { FACTS } from "../../shared/testing/fixtures.ts";
import type { About } from "./facts.ts";
import { FactsTeller } from "./facts-teller.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const about = (usedSubnets: readonly string[]): About => ({
  bootId: "boot",
  address: "192.0.2.1",
  capacity: { cpu: 1, memory: 1, gpu: 0 },
  facts: { ...FACTS, usedSubnets: [...usedSubnets] },
});

test("what is told is what is new", async () => {
  const told: About[] = [];
  const teller = new FactsTeller(
    async (refused) => about(refused),
    (each) => told.push(each),
  );
  await teller.measure();
  await teller.refresh();
  expect(told).toEqual([]);
});

test("a subnet that the engine refuses counts as used, for ten minutes", async () => {
  const told: string[][] = [];
  const teller = new FactsTeller(
    async (refused) => about(refused),
    ({ facts }) => told.push(facts.usedSubnets),
  );
  await teller.measure();
  teller.refused("10.64.2.0/24");
  await teller.refresh();
  await teller.refresh();
  vi.advanceTimersByTime(9 * 60_000);
  await teller.refresh();
  expect(told).toEqual([["10.64.2.0/24"]]);
  vi.advanceTimersByTime(2 * 60_000);
  await teller.refresh();
  expect(told).toEqual([["10.64.2.0/24"], []]);
});
