/** The placement strategy "pack". */
import { addTo, fits, type Need, timesIn } from "./need.ts";
import { type Counts, type Group, leastFrom, type Room, type Trial, take } from "./room.ts";

/**
 * Fills the nodes that hold most of the session first; among equals the fullest, so that whole nodes stay free
 * for others.
 */
export function pack(groups: Group[], rooms: Room[]): Trial {
  const counts: Counts = new Map();
  const least = leastFrom(groups);
  const holds = new Map(rooms.map((room) => [room, holdsOf(groups, least, room)]));
  const ranked = rooms.toSorted(
    (a, b) => holds.get(b)! - holds.get(a)! || b.inUse - a.inUse || a.order - b.order,
  );
  ranked.forEach((room, order) => {
    room.order = order;
  });
  const done = groups.map(() => 0);
  for (const room of ranked) {
    for (const [i, group] of groups.entries()) {
      if (!fits(least[i]!, room.free)) break;
      const times = Math.min(group.units.length - done[i]!, timesIn(group.need, room.free));
      if (times > 0) take(counts, group, room, times);
      done[i]! += times;
    }
  }
  const short = groups.findIndex((group, i) => done[i]! < group.units.length);
  if (short < 0) return { counts };
  const group = groups[short]!;
  return { counts, stuck: { group, unit: group.units[done[short]!]!, rooms } };
}

/** How many units an otherwise untouched room takes, filled in the order of `groups`. */
function holdsOf(groups: Group[], least: Need[], room: Room): number {
  const free = { ...room.free };
  let held = 0;
  for (const [i, { need, units }] of groups.entries()) {
    if (!fits(least[i]!, free)) break;
    const times = Math.min(units.length, timesIn(need, free));
    addTo(free, need, -times);
    held += times;
  }
  return held;
}
