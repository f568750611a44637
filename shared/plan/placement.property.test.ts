import fc from "fast-check";
import { expect, test } from "vitest";
import { hosts, node, specOf } from "../testing/fixtures.ts";
import { type Attempt, binsOf, type Counts, take } from "./attempt.ts";
import { type Candidate, emptiestFirst } from "./candidate.ts";
import { type Group, groupsOf } from "./group.ts";
import { fits } from "./need.ts";
import { pack } from "./pack.ts";
import { Pool } from "./pool.ts";
import { spread } from "./spread.ts";

/** Up to 40 nodes of 1 to 8 cores, some of them partly used. */
const arbitraryCandidates = fc
  .array(
    fc.record({
      cpu: fc.integer({ min: 1, max: 8 }),
      used: fc.nat(4),
      memory: fc.integer({ min: 1, max: 4 }),
    }),
    {
      maxLength: 40,
      size: "max",
    },
  )
  .map((all) => {
    const nodes = all.map(({ cpu, used, memory }, i) =>
      node(i, {
        capacity: { cpu, memory, gpu: 0 },
        allocated: { cpu: Math.min(cpu, used), memory: 0, gpuIds: [], containers: used },
      }),
    );
    return Pool.of(nodes).candidates;
  });

const arbitraryGroups = fc
  .array(
    fc.record({
      replicas: fc.integer({ min: 1, max: 8 }),
      cpu: fc.integer({ min: 1, max: 6 }),
      memory: fc.integer({ min: 1, max: 3 }),
    }),
    {
      minLength: 1,
      maxLength: 3,
    },
  )
  .map((roles) =>
    groupsOf(
      specOf({
        clusterMode: "multi-node",
        roles: roles.map(({ replicas, ...resources }, i) => ({
          name: ["main", "a", "b"][i],
          replicas,
          resources,
        })),
      }),
    ),
  );

/** Units per node and group, or where the attempt ended. */
function outcome(groups: Group[], { counts, unplaced }: Attempt): unknown {
  if (unplaced) return unplaced.unit[0]!.host;
  return groups.map((group) =>
    [...counts.get(group)!].map(([{ candidate }, times]) => `${candidate.node.id} ${times}`).sort(),
  );
}

test("spread is the plain rule: the bin with the fewest containers, then the emptiest node, on which the unit fits", () => {
  const plain = (groups: Group[], candidates: readonly Candidate[]): Attempt => {
    const bins = binsOf(candidates.toSorted(emptiestFirst));
    const counts: Counts = new Map();
    for (const group of groups) {
      for (const unit of group.units) {
        const [best] = bins
          .filter(({ free }) => fits(group.need, free))
          .sort((a, b) => a.taken - b.taken || a.order - b.order);
        if (!best) return { counts, bins, unplaced: { group, unit } };
        take(counts, group, best, 1);
      }
    }
    return { counts, bins };
  };
  fc.assert(
    fc.property(arbitraryGroups, arbitraryCandidates, (groups, candidates) => {
      expect(outcome(groups, spread(groups, candidates))).toEqual(outcome(groups, plain(groups, candidates)));
    }),
    { numRuns: 500 },
  );
});

test("pack takes as few nodes as any filling of one node after the other, for containers of one size", () => {
  fc.assert(
    fc.property(arbitraryGroups, arbitraryCandidates, ([group], candidates) => {
      const { counts, unplaced } = pack([group!], candidates);
      const places = candidates
        .map(({ free }) =>
          Math.max(
            0,
            Math.min(Math.floor(free.cpu / group!.need.cpu), Math.floor(free.memory / group!.need.memory)),
          ),
        )
        .sort((a, b) => b - a);
      const room = places.reduce((sum, each) => sum + each, 0);
      expect(unplaced === undefined).toBe(room >= group!.units.length);
      if (unplaced) return;
      let least = 0;
      for (let held = 0; held < group!.units.length; least++) held += places[least]!;
      expect(counts.get(group!)!.size).toBe(least);
    }),
    { numRuns: 500 },
  );
});

test("pack finds room for several sizes as it would with all nodes in its order, not only the first of them", () => {
  // Four small nodes hold more units of this session than the one that the large container needs.
  const nodes = [
    ...Array.from({ length: 4 }, (_, i) => node(i, { capacity: { cpu: 4, memory: 1, gpu: 0 } })),
    node(9, { capacity: { cpu: 1, memory: 100, gpu: 0 } }),
  ];
  const roles = [
    { name: "main", replicas: 1, resources: { cpu: 1, memory: 100 } },
    { name: "sub", replicas: 3, resources: { cpu: 1 } },
  ];
  const groups = groupsOf(specOf({ clusterMode: "multi-node", roles }));
  expect(pack(groups, Pool.of(nodes).candidates).unplaced).toBeUndefined();
});

test("spread sorts the nodes once, however many sizes of containers there are", () => {
  const { candidates } = Pool.of(hosts(1000));
  let compared = 0;
  const counted = candidates.map(({ node, free, whole, inUse }): Candidate => {
    return {
      node,
      free,
      whole,
      get inUse() {
        compared++;
        return inUse;
      },
    };
  });
  const roles = Array.from({ length: 100 }, (_, i) => ({
    name: i === 0 ? "main" : `sub-${"abcdefghij"[i % 10]}${"abcdefghij"[Math.floor(i / 10)]}`,
    replicas: 1,
    resources: { memory: i + 1 },
  }));
  const groups = groupsOf(specOf({ clusterMode: "multi-node", roles }));
  expect(spread(groups, counted).unplaced).toBeUndefined();
  // Two for each compare. A sort takes up to 10 compares for each of 1,000 nodes.
  expect(compared).toBeLessThan(25_000);
});
